import fc from 'fast-check';
import { compileAddressList, normalizeEntry } from '../../src/keys/address-list';

describe('normalizeEntry', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['192.0.2.7/32', '192.0.2.7'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['2001:db8::/32', '2001:db8::/32'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['::/0', '::/0'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
  ])('normalizeEntry reads %s as %s', (text, expected) => {
    expect(normalizeEntry(text)).toBe(expected);
  });

  test.each([
    ['', 'nothing'],
    ['192.0.2', 'three numbers'],
    ['192.0.2.256', 'a number above 255'],
    ['192.0.2.07', 'a leading zero'],
    [' 192.0.2.7', 'a space'],
    ['192.0.2.0/33', 'a prefix that is too long'],
    ['2001:db8::/129', 'a prefix that is too long'],
    ['192.0.2.0/024', 'a prefix with a leading zero'],
    ['192.0.2.0/', 'an empty prefix'],
    ['192.0.2.0/24/24', 'two prefixes'],
    ['192.0.2.0/-1', 'a negative prefix'],
    ['192.0.2.7/24', 'an address within the block'],
    ['0.0.0.1/0', 'an address within the block'],
    ['2001:db8::1/32', 'an address within the block'],
    ['2001:db8:0:1::/63', 'an address within the block'],
    ['fe80::1%eth0', 'a zone'],
    ['fe80::%1/10', 'a zone'],
    ['::ffff:192.0.2.0/120', 'a prefix of a mapped address'],
    ['::192.0.2.7', 'an IPv4-compatible address'],
    ['localhost', 'a name'],
    ['*', 'an asterisk'],
  ])('normalizeEntry rejects %j, because it is %s', (text) => {
    expect(normalizeEntry(text)).toBeNull();
  });
});

describe('compileAddressList', () => {
  const has = (entries: string[], address: string) => compileAddressList(entries)?.has(address);

  test('compileAddressList returns null when there are no entries', () => {
    expect(compileAddressList([])).toBeNull();
  });

  test('an address list has the addresses of its blocks and no others', () => {
    expect(has(['192.0.2.0/24'], '192.0.2.255')).toBe(true);
    expect(has(['192.0.2.0/24'], '192.0.3.0')).toBe(false);
    expect(has(['192.0.2.7'], '192.0.2.8')).toBe(false);
    expect(has(['2001:db8::/32'], '2001:DB8:ffff::1')).toBe(true);
    expect(has(['2001:db8::/32'], '2001:db9::1')).toBe(false);
    expect(has(['192.0.2.7', '2001:db8::/32'], '2001:db8::7')).toBe(true);
  });

  test('an address list treats an IPv4-mapped IPv6 address as the IPv4 address', () => {
    expect(has(['192.0.2.0/24'], '::ffff:192.0.2.7')).toBe(true);
    expect(has(['192.0.2.0/24'], '::FFFF:c000:207')).toBe(true);
    expect(has(['192.0.2.0/24'], '::ffff:198.51.100.1')).toBe(false);
    expect(has(['::ffff:192.0.2.7'], '192.0.2.7')).toBe(true);
  });

  test('an address list keeps the families apart', () => {
    expect(has(['::/0'], '192.0.2.7')).toBe(false);
    expect(has(['::/0'], '::ffff:192.0.2.7')).toBe(false);
    expect(has(['0.0.0.0/0'], '2001:db8::1')).toBe(false);
  });

  test.each(['', 'unknown', 'fe80::1%eth0', '192.0.2.7:80', '[2001:db8::1]', '192.0.2.7, 192.0.2.7', '192.0.2.7\n'])(
    'an address list does not have %j, which is no address',
    (text) => {
      expect(has(['0.0.0.0/0', '::/0'], text)).toBe(false);
    },
  );

  test('an address list denies every address when it has only entries that this version cannot read', () => {
    expect(has(['country:DE'], '192.0.2.7')).toBe(false);
    expect(has(['country:DE', '192.0.2.7'], '192.0.2.7')).toBe(true);
  });

  test('an address list and normalizeEntry never throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.string({ unit: 'binary' })), (text) => {
        const entry = normalizeEntry(text);
        if (entry !== null) {
          expect(normalizeEntry(entry)).toBe(entry);
          expect(has([entry], text)).toBe(true);
        }
        expect(typeof has(['192.0.2.0/24', text], text)).toBe('boolean');
      }),
    );
  });

  test('an address list decides as the bits of an IPv4 address do', () => {
    const address = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
    const toNumber = (parts: readonly number[]) => parts.reduce((sum, part) => sum * 256 + part, 0);
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 32 }), (block, other, prefix) => {
        const size = 2 ** (32 - prefix);
        const first = Math.floor(toNumber(block) / size) * size;
        const text = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.');
        const isIn = toNumber(other) >= first && toNumber(other) < first + size;
        expect(has([`${text}/${prefix}`], other.join('.'))).toBe(isIn);
      }),
    );
  });
});
