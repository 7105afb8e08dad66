import zlib from 'node:zlib';
import fc from 'fast-check';
import { CRC_START, checksumOf, crcEnd, crcText } from '../../src/token/checksum';
import { toBase62 } from '../../src/token/format';

const crc = (text: string) => crcEnd(crcText(CRC_START, text));

describe('checksumOf', () => {
  test('the checksum is the CRC-32 of zlib and PNG, by its known vectors', () => {
    expect(crc('')).toBe(0);
    expect(crc('a')).toBe(0xe8b7be43);
    expect(crc('123456789')).toBe(0xcbf43926);
    expect(crc('The quick brown fox jumps over the lazy dog')).toBe(0x414fa339);
  });

  test('the checksum equals zlib.crc32', () => {
    const ascii = fc.string({ unit: 'binary-ascii', maxLength: 200 });
    fc.assert(
      fc.property(ascii, (text) => {
        expect(crc(text)).toBe(zlib.crc32(text));
      }),
    );
  });

  test('the checksum can be calculated in pieces', () => {
    const ascii = fc.string({ unit: 'binary-ascii' });
    fc.assert(
      fc.property(ascii, ascii, (head, tail) => {
        expect(crcEnd(crcText(crcText(CRC_START, head), tail))).toBe(crc(head + tail));
      }),
    );
  });

  test('checksumOf returns six base62 digits, zero-padded', () => {
    expect(checksumOf('')).toBe('000000');
    expect(checksumOf('123456789')).toBe(toBase62(0xcbf43926, 6));
    expect(toBase62(61, 6)).toBe('00000z');
    expect(toBase62(62, 6)).toBe('000010');
    expect(toBase62(0xffffffff, 6)).toBe('4gfFC3');
  });
});
