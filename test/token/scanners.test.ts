import { tokenPattern } from '../../src/token/format';
import { generateToken } from '../../src/token/generate';
import { maskToken } from '../../src/token/mask';

const token = () => generateToken('ks_live', 'acme').token;

describe('the pattern for secret scanners', () => {
  const pattern = tokenPattern('ks_live');

  test('finds tokens in code, configuration, headers and addresses', () => {
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

  test('finds each of several', () => {
    const tokens = [token(), token(), token()];
    expect(tokens.join(' ').match(new RegExp(pattern.source, 'g'))).toEqual(tokens);
  });

  test('finds nothing that is longer, shorter, masked or of another prefix', () => {
    const whole = token();
    for (const text of [`${whole}0`, whole.slice(0, -1), `x${whole}`, generateToken('ks', 'acme').token]) {
      expect(pattern.test(text)).toBe(false);
    }
    expect(pattern.test(maskToken('ks_live', whole.slice(8, 24), whole.slice(-4)))).toBe(false);
  });

  test('keeps to what every engine knows: no look-around, no flags', () => {
    expect(pattern.source).toBe('\\bks_live_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}\\b');
    expect(pattern.flags).toBe('');
  });
});

describe('the masked form', () => {
  test('shows prefix, the first four of the id and the last four, with twelve asterisks between', () => {
    expect(maskToken('ks', '8MPCaaaaaaaaaaaa', 'YphQ')).toBe('ks_8MPC************YphQ');
  });

  test('contains nothing of the secret', () => {
    const { id, token: whole, last4 } = generateToken('ks', 'acme');
    const secret = whole.slice(20, 52);
    const masked = maskToken('ks', id, last4);
    for (let index = 0; index + 5 <= secret.length; index++)
      expect(masked).not.toContain(secret.slice(index, index + 5));
  });
});
