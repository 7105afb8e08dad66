/** The bytes that mean something in JSON (RFC 8259). */
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;
export const OPEN_OBJECT = 0x7b;

function table(fill: (set: (bytes: string, value: number) => void, at: Uint8Array) => void): Uint8Array {
  const bytes = new Uint8Array(256);
  fill((text, value) => {
    for (const byte of Buffer.from(text, 'latin1')) bytes[byte] = value;
  }, bytes);
  return bytes;
}

/** 1 for the four bytes of white space (section 2). */
export const SPACE = table((set) => set(' \t\n\r', 1));

/** Bytes that may follow a backslash: 1 for an escape of one character, 2 for `u`. */
export const ESCAPES = table((set) => {
  set('"\\/bfnrt', 1);
  set('u', 2);
});

export const HEX_DIGITS = table((set) => set('0123456789abcdefABCDEF', 1));

/** The words of section 3, in the order of the numbers by which {@link WORD_STARTS} knows their first letters. */
export const WORDS: readonly Uint8Array[] = ['', 'true', 'false', 'null'].map((word) => Buffer.from(word));
export const WORD_STARTS = table((set) => {
  set('t', 1);
  set('f', 2);
  set('n', 3);
});

/** The states of a number (section 6), as rows of {@link NUMBERS}. */
const NUMBER_START = 1;
const MINUS_SEEN = 2;
const ZERO = 3;
const INTEGER = 4;
const POINT = 5;
const FRACTION = 6;
const EXPONENT = 7;
const EXPONENT_SIGN = 8;
const EXPONENT_DIGITS = 9;

/** 1 for states in which a number may end. */
export const NUMBER_ENDS = Uint8Array.from([0, 0, 0, 1, 1, 0, 1, 0, 0, 1]);

/** `NUMBERS[state << 8 | byte]`: the next state; 0: the byte does not belong to the number. */
export const NUMBERS = new Uint8Array(10 * 256);

function numberRow(state: number, next: Readonly<Record<string, number>>): void {
  for (const [bytes, to] of Object.entries(next)) {
    for (const byte of Buffer.from(bytes, 'latin1')) NUMBERS[(state << 8) | byte] = to;
  }
}
numberRow(NUMBER_START, { '-': MINUS_SEEN, '0': ZERO, '123456789': INTEGER });
numberRow(MINUS_SEEN, { '0': ZERO, '123456789': INTEGER });
numberRow(ZERO, { '.': POINT, eE: EXPONENT });
numberRow(INTEGER, { '0123456789': INTEGER, '.': POINT, eE: EXPONENT });
numberRow(POINT, { '0123456789': FRACTION });
numberRow(FRACTION, { '0123456789': FRACTION, eE: EXPONENT });
numberRow(EXPONENT, { '+-': EXPONENT_SIGN, '0123456789': EXPONENT_DIGITS });
numberRow(EXPONENT_SIGN, { '0123456789': EXPONENT_DIGITS });
numberRow(EXPONENT_DIGITS, { '0123456789': EXPONENT_DIGITS });
