import { baseUrl } from '../../../src/admin/console/web/api/base-url';

test.each([
  ['a path with a slash', 'https://host/admin/', 'https://host/admin/assets/main.js', 'https://host/admin/'],
  ['a path without a slash', 'https://host/admin', 'https://host/admin/assets/main.js', 'https://host/admin/'],
  [
    'a slash that a proxy removes',
    'https://host/admin/',
    'https://host/admin/admin/assets/main.js',
    'https://host/admin/',
  ],
  [
    'a prefix',
    'https://host/tools/admin/?a=1#/keys',
    'https://host/tools/admin/assets/main.js',
    'https://host/tools/admin/',
  ],
  [
    'credentials',
    'https://user:pass@host/admin/',
    'https://user:pass@host/admin/assets/main.js',
    'https://host/admin/',
  ],
  [
    'credentials, no slash',
    'https://user:pass@host/admin',
    'https://user:pass@host/admin/assets/main.js',
    'https://host/admin/',
  ],
  ['the root', 'https://host/', 'https://host/assets/main.js', 'https://host/'],
])('baseUrl is the mount path for %s', (_, page, script, expected) => {
  expect(baseUrl(page, script).href).toBe(expected);
});
