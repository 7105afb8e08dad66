;; The scanner of json-scanner.ts in WebAssembly with SIMD. Strings, which are most of all bytes, are looked through
;; sixteen bytes at a time.
;;
;; scripts/build-scanner.mjs makes binary.ts of this file. Numbers of states and faults, and the places of
;; everything in memory, are those of json-scanner.ts, json-error.ts and machine.ts.
;;
;; Memory: from 0 the scanner's state, from 256 the tables of json-tables.ts, from 4096 one byte for each open object (1) or
;; array (0), from 65536 the window: the bytes to read, with sixteen behind them that may be read but do not count.
(module
  (memory (export "memory") 3 3)

  ;; Reads from $i up to $end, both in memory. Returns where it stopped, and leaves at 56 why: 0 the end, 1 what was begun
  ;; has ended, 2 behind a watched name, from 16 on a fault.
  (func (export "skip") (param $i i32) (param $end i32) (result i32)
    (local $state i32) (local $depth i32) (local $floor i32) (local $watched i32)
    (local $inObject i32) (local $nameAt i32) (local $byte i32) (local $mask i32) (local $kind i32)
    (local $bytes v128)
    (local.set $state (i32.load (i32.const 0)))
    (local.set $depth (i32.load (i32.const 4)))
    (local.set $floor (i32.load (i32.const 8)))
    (local.set $watched (i32.load (i32.const 12)))
    (local.set $nameAt (i32.load (i32.const 20)))
    (local.set $inObject (i32.load8_u offset=4096 (local.get $depth)))

    (block $leave                ;; with why at 56
    (block $fault                ;; with its number in $kind
    (block $done
    (block $out                  ;; no more bytes
    (loop $next
      (block $ended              ;; a value, behind which $i is
      (br_if $out (i32.ge_u (local.get $i) (local.get $end)))

      (if (i32.le_u (local.get $state) (i32.const 1))  ;; IN_STRING, IN_NAME
        (then
          (block $stop
            (loop $run
              (local.set $bytes (v128.load (local.get $i)))
              (br_if $stop
                (local.tee $mask
                  (i8x16.bitmask
                    (v128.or
                      (v128.or
                        (i8x16.eq (local.get $bytes) (v128.const i8x16 34 34 34 34 34 34 34 34 34 34 34 34 34 34 34 34))
                        (i8x16.eq (local.get $bytes) (v128.const i8x16 92 92 92 92 92 92 92 92 92 92 92 92 92 92 92 92)))
                      (i8x16.lt_u (local.get $bytes) (v128.const i8x16 32 32 32 32 32 32 32 32 32 32 32 32 32 32 32 32))))))
              (local.set $i (i32.add (local.get $i) (i32.const 16)))
              (br_if $run (i32.lt_u (local.get $i) (local.get $end))))
            (br $out))
          (local.set $i (i32.add (local.get $i) (i32.ctz (local.get $mask))))
          (br_if $out (i32.ge_u (local.get $i) (local.get $end)))
          (local.set $byte (i32.load8_u (local.get $i)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))

          (if (i32.eq (local.get $byte) (i32.const 34))  ;; "
            (then
              (if (local.get $state)
                (then
                  (local.set $state (i32.const 4))  ;; AT_COLON
                  (if (i32.eq (local.get $depth) (local.get $watched))
                    (then
                      (local.set $mask (i32.sub (i32.sub (local.get $i) (i32.const 1)) (local.get $nameAt)))  ;; its length
                      (if (i32.gt_u (local.get $mask) (i32.load (i32.const 52)))
                        (then
                          (local.set $i (local.get $nameAt))
                          (local.set $kind (i32.const 26))
                          (br $fault)))
                      ;; A name that began before the window cannot be told apart here, so it may be one looked for.
                      (if (i32.or
                            (i32.load (i32.const 24))
                            (i32.or
                              (i32.lt_s (local.get $nameAt) (i32.const 65536))
                              (i32.and
                                (i32.shr_u
                                  (i32.load (i32.const 16))
                                  (i32.and
                                    (i32.add (local.get $mask) (i32.load8_u (local.get $nameAt)))
                                    (i32.const 31)))
                                (i32.const 1))))
                        (then
                          (i32.store (i32.const 56) (i32.const 2))
                          (br $leave)))))
                  ;; What comes next is nearly always a colon, and then a string.
                  (if (i32.and
                        (i32.lt_u (local.get $i) (local.get $end))
                        (i32.eq (i32.load8_u (local.get $i)) (i32.const 58)))
                    (then
                      (local.set $i (i32.add (local.get $i) (i32.const 1)))
                      (local.set $state (i32.const 5))  ;; AT_VALUE
                      (if (i32.and
                            (i32.lt_u (local.get $i) (local.get $end))
                            (i32.eq (i32.load8_u (local.get $i)) (i32.const 34)))
                        (then
                          (local.set $i (i32.add (local.get $i) (i32.const 1)))
                          (local.set $state (i32.const 0)))))))
                (else (br $ended)))
              (br $next)))

          (if (i32.eq (local.get $byte) (i32.const 92))  ;; \
            (then
              (i32.store (i32.const 24) (i32.const 1))
              (i32.store (i32.const 28) (local.get $state))
              (local.set $state (i32.const 10))  ;; IN_ESCAPE
              (br $next)))

          (local.set $i (i32.sub (local.get $i) (i32.const 1)))
          (local.set $kind (i32.const 16))
          (br $fault)))

      (local.set $byte (i32.load8_u (local.get $i)))

      (if (i32.le_u (local.get $state) (i32.const 7))
        (then
          ;; White space: bits 9, 10, 13 and 32.
          (if (i32.le_u (local.get $byte) (i32.const 32))
            (then
              (if (i32.wrap_i64
                    (i64.and
                      (i64.shr_u (i64.const 0x100002600) (i64.extend_i32_u (local.get $byte)))
                      (i64.const 1)))
                (then
                  (local.set $i (i32.add (local.get $i) (i32.const 1)))
                  (br $next)))))
          (block $close
          (block $AT_FIRST_VALUE
          (block $AT_FIRST_NAME
          (block $AT_VALUE
          (block $AT_COLON
          (block $AT_NAME
          (block $AT_NEXT
            (br_table $AT_NEXT $AT_NAME $AT_COLON $AT_VALUE $AT_FIRST_NAME $AT_FIRST_VALUE
              (i32.sub (local.get $state) (i32.const 2))))

            ;; AT_NEXT
            (if (i32.eq (local.get $byte) (i32.const 44))  ;; ,
              (then
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (local.set $state (select (i32.const 3) (i32.const 5) (local.get $inObject)))
                (br $next)))
            (br_if $close
              (i32.eq (local.get $byte) (select (i32.const 125) (i32.const 93) (local.get $inObject))))
            (local.set $kind (i32.const 17))
            (br $fault))

            ;; AT_NAME
            (if (i32.eq (local.get $byte) (i32.const 34))
              (then
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (local.set $nameAt (local.get $i))
                (i32.store (i32.const 24) (i32.const 0))
                (local.set $state (i32.const 1))
                (br $next)))
            (local.set $kind (i32.const 18))
            (br $fault))

            ;; AT_COLON
            (if (i32.eq (local.get $byte) (i32.const 58))
              (then
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (local.set $state (i32.const 5))
                (br $next)))
            (local.set $kind (i32.const 19))
            (br $fault))

            ;; AT_VALUE
            (br $AT_FIRST_VALUE))

            ;; AT_FIRST_NAME
            (if (i32.eq (local.get $byte) (i32.const 34))
              (then
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (local.set $nameAt (local.get $i))
                (i32.store (i32.const 24) (i32.const 0))
                (local.set $state (i32.const 1))
                (br $next)))
            (br_if $close (i32.eq (local.get $byte) (i32.const 125)))
            (local.set $kind (i32.const 18))
            (br $fault))

          ;; AT_VALUE, AT_FIRST_VALUE
          (if (i32.eq (local.get $byte) (i32.const 34))
            (then
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (local.set $state (i32.const 0))
              (br $next)))
          (if (i32.eq (i32.or (local.get $byte) (i32.const 32)) (i32.const 123))  ;; [ or {
            (then
              (local.set $kind (i32.const 25))
              (br_if $fault (i32.ge_s (local.get $depth) (i32.load (i32.const 48))))
              (local.set $depth (i32.add (local.get $depth) (i32.const 1)))
              (local.set $inObject (i32.eq (local.get $byte) (i32.const 123)))
              (i32.store8 offset=4096 (local.get $depth) (local.get $inObject))
              (local.set $state (select (i32.const 6) (i32.const 7) (local.get $inObject)))
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br $next)))
          (if (i32.load8_u offset=1280 (local.get $byte))  ;; The row of numbers for their first byte.
            (then
              (i32.store (i32.const 36) (i32.const 1))
              (local.set $state (i32.const 8))
              (br $next)))
          (br_if $close
            (i32.and (i32.eq (local.get $byte) (i32.const 93)) (i32.eq (local.get $state) (i32.const 7))))
          (local.set $kind (i32.const 20))
          (br_if $fault (i32.eqz (local.tee $mask (i32.load8_u offset=768 (local.get $byte)))))
          ;; Whole, if it is all there: "true", "null", or "alse" behind an "f".
          (if (i32.lt_u (i32.add (local.get $i) (i32.const 4)) (local.get $end))
            (then
              (local.set $kind (i32.eq (local.get $byte) (i32.const 102)))
              (if (i32.eq
                    (i32.load (i32.add (local.get $i) (local.get $kind)))
                    (i32.load offset=3584 (i32.add (i32.shl (local.get $mask) (i32.const 3)) (local.get $kind))))
                (then
                  (local.set $i
                    (i32.add (i32.add (local.get $i) (i32.const 4)) (local.get $kind)))
                  (br $ended)))))
          (i32.store (i32.const 40) (local.get $mask))
          (i32.store (i32.const 44) (i32.const 1))
          (local.set $state (i32.const 9))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next))

          ;; A closing bracket.
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
          (local.set $inObject (i32.load8_u offset=4096 (local.get $depth)))
          (br $ended)))

      (block $IN_HEX
      (block $IN_ESCAPE
      (block $IN_WORD
      (block $IN_NUMBER
        (br_table $IN_NUMBER $IN_WORD $IN_ESCAPE $IN_HEX (i32.sub (local.get $state) (i32.const 8))))

        ;; IN_NUMBER
        (local.set $mask (i32.load (i32.const 36)))
        (block $ended
          (loop $digit
            (br_if $ended
              (i32.eqz
                (local.tee $kind
                  (i32.load8_u offset=1024
                    (i32.or (i32.shl (local.get $mask) (i32.const 8)) (i32.load8_u (local.get $i)))))))
            (local.set $mask (local.get $kind))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $digit (i32.lt_u (local.get $i) (local.get $end))))
          (i32.store (i32.const 36) (local.get $mask))
          (br $out))
        (local.set $kind (i32.const 21))
        (br_if $fault (i32.eqz (i32.load8_u offset=3616 (local.get $mask))))
        (br $ended))

        ;; IN_WORD
        (local.set $mask (i32.load (i32.const 44)))
        (local.set $kind (i32.const 20))
        (br_if $fault
          (i32.ne
            (local.get $byte)
            (i32.load8_u offset=3584 (i32.add (i32.shl (i32.load (i32.const 40)) (i32.const 3)) (local.get $mask)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (local.set $mask (i32.add (local.get $mask) (i32.const 1)))
        (i32.store (i32.const 44) (local.get $mask))
        (br_if $next
          (i32.load8_u offset=3584 (i32.add (i32.shl (i32.load (i32.const 40)) (i32.const 3)) (local.get $mask))))
        (br $ended))

        ;; IN_ESCAPE
        (local.set $kind (i32.const 22))
        (br_if $fault (i32.eqz (local.tee $mask (i32.load8_u offset=256 (local.get $byte)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (if (i32.eq (local.get $mask) (i32.const 2))
          (then
            (i32.store (i32.const 32) (i32.const 4))
            (local.set $state (i32.const 11)))
          (else (local.set $state (i32.load (i32.const 28)))))
        (br $next))

      ;; IN_HEX
      (local.set $kind (i32.const 23))
      (br_if $fault (i32.eqz (i32.load8_u offset=512 (local.get $byte))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (i32.store (i32.const 32) (local.tee $mask (i32.sub (i32.load (i32.const 32)) (i32.const 1))))
      (if (i32.eqz (local.get $mask)) (then (local.set $state (i32.load (i32.const 28)))))
      (br $next)

      ) ;; $ended
      (local.set $state (i32.const 2))  ;; AT_NEXT
      (br_if $done (i32.le_s (local.get $depth) (local.get $floor)))
      ;; What comes next is nearly always ,"
      (if (i32.and
            (i32.and
              (local.get $inObject)
              (i32.lt_u (i32.add (local.get $i) (i32.const 1)) (local.get $end)))
            (i32.eq (i32.load16_u (local.get $i)) (i32.const 0x222c)))
        (then
          (local.set $i (i32.add (local.get $i) (i32.const 2)))
          (local.set $nameAt (local.get $i))
          (i32.store (i32.const 24) (i32.const 0))
          (local.set $state (i32.const 1))))
      (br $next))

    ) ;; $out
    (i32.store (i32.const 56) (i32.const 0))
    (local.set $i (local.get $end))
    (br $leave)
    ) ;; $done
    (i32.store (i32.const 56) (i32.const 1))
    (local.set $state (i32.const 12))
    (br $leave)
    ) ;; $fault
    (i32.store (i32.const 56) (local.get $kind))
    ) ;; $leave
    (i32.store (i32.const 0) (local.get $state))
    (i32.store (i32.const 4) (local.get $depth))
    (i32.store (i32.const 20) (local.get $nameAt))
    (local.get $i)))
