import { tokenPattern } from '../../src/token/format';
import { generateToken } from '../../src/token/generate';
import { maskToken } from '../../src/token/mask';

const token = () => generateToken('ks_live', 'acme').token;

describe('tokenPattern', () => {
  const pattern = tokenPattern('ks_live');

  test('tokenPattern finds tokens in code, configuration, headers and addresses', () => {
    for (const around of [
      ['', ''],
      ['const key = "', '";'],
      ['KEY=', '\n'],
      ['x-api-key: ', '\r\n'],
      ['?key=', '&a=1'],
      ['(', ')'],
    ]) {
      const found = token();
      expect(pattern.exec(around.join(found))?.[0]).toBe(found);
    }
  });

  test('tokenPattern finds each of several tokens', () => {
    const tokens = [token(), token(), token()];
    expect(tokens.join(' ').match(new RegExp(pattern.source, 'g'))).toEqual(tokens);
  });

  test('tokenPattern finds nothing that is longer, shorter, masked or has another prefix', () => {
    const whole = token();
    for (const text of [`${whole}0`, whole.slice(0, -1), `x${whole}`, generateToken('ks', 'acme').token]) {
      expect(pattern.test(text)).toBe(false);
    }
    expect(pattern.test(maskToken('ks_live', whole.slice(8, 24), whole.slice(-4)))).toBe(false);
  });

  test('tokenPattern has neither look-around nor flags, which not every engine supports', () => {
    expect(pattern.source).toBe('\\bks_live_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}\\b');
    expect(pattern.flags).toBe('');
  });
});

describe('maskToken', () => {
  test('maskToken shows the prefix, 8 characters of the id and the last 4, with 12 asterisks between', () => {
    expect(maskToken('ks', '8MPCk3Zaaaaaaaaa', 'YphQ')).toBe('ks_8MPCk3Za************YphQ');
  });

  test('maskToken tells the keys of one workspace apart before the asterisks', () => {
    const starts = Array.from({ length: 100 }, () => {
      const { id, last4 } = generateToken('ks', 'acme');
      return maskToken('ks', id, last4).split('*')[0];
    });
    expect(new Set(starts).size).toBe(100);
  });

  test('maskToken shows nothing of the secret', () => {
    const { id, token: whole, last4 } = generateToken('ks', 'acme');
    const secret = whole.slice(20, 52);
    const masked = maskToken('ks', id, last4);
    for (let index = 0; index + 5 <= secret.length; index++)
      expect(masked).not.toContain(secret.slice(index, index + 5));
  });
});
