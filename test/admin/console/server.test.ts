import express from 'express';
import { createApiKeys } from 'keyscope';
import request from 'supertest';
import { expresses } from '../../support/express-versions';
import { buildPage } from './harness';

const permissions = { conversations: { label: 'Conversations data' } };
const SIGNED_IN = { workspaceId: 'acme', actor: 'admin@acme.test' };

beforeAll(buildPage);

function appWith(make: typeof express, mount = '/admin/keys', options: object = {}) {
  const apiKeys = createApiKeys({ permissions });
  const app = make();
  app.use(mount, apiKeys.adminRouter({ authenticate: () => SIGNED_IN, ...options }));
  return app;
}

describe.each(expresses)('the console on %s', (_name, make) => {
  test('the page has no inline script or style and a policy that allows none', async () => {
    const { headers, text } = await request(appWith(make)).get('/admin/keys/').expect(200);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    const policy = headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
    expect(policy).toContain("base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(text).not.toMatch(/<script(?![^>]*src=)|<style|style=|\son\w+=|https?:/);
  });

  test('assets are immutable and the page works under any path', async () => {
    for (const mount of ['/admin/keys', '/a/b/c', '/']) {
      const app = appWith(make, mount);
      const base = mount === '/' ? '/' : `${mount}/`;
      const { text } = await request(app).get(base).expect(200);
      const files = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file);
      expect(files.map((file) => file?.split('.').at(-1))).toEqual(['svg', 'css', 'js']);
      for (const file of files) {
        const path = new URL(file as string, `http://host${base}`).pathname;
        const { headers } = await request(app).get(path).expect(200);
        expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
        expect(headers['content-type']).toMatch(/^(?:image\/svg\+xml|text\/(?:css|javascript); charset=utf-8)$/);
        await request(app)
          .get(path)
          .set('if-none-match', headers.etag as string)
          .expect(304);
      }
    }
  });

  test.each(['/admin/keys', '/admin/a:b'])(
    'the page and its files are sent without a redirect when a proxy adds or removes the slash at the end of %s',
    async (mount) => {
      const path = encodeURI(mount);
      const app = appWith(make, mount);
      for (const forwarded of [`${path}?tab=1`, `${path}/?tab=1`]) {
        const { text } = await request(app).get(forwarded).expect(200);
        const files = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file as string);
        expect(files).toHaveLength(3);
        for (const file of files) {
          // The address in the browser, with and without a slash.
          for (const base of [path, `${path}/`]) {
            await request(app)
              .get(new URL(file, `http://host${base}`).pathname)
              .expect(200);
          }
        }
      }
    },
  );

  test('paths with doubled slashes are served when a proxy joins paths', async () => {
    const app = appWith(make);
    const { text } = await request(app).get('/admin/keys//').expect(200);
    const [, script] = /src="([^"]+)"/.exec(text) as RegExpExecArray;
    await request(app)
      .get(new URL(script as string, 'http://host/admin/keys//').pathname)
      .expect(200);
    await request(app).get('/admin/keys//session').expect(200);
  });

  test('a file of another version is sent as the current one, and not cached', async () => {
    const app = appWith(make);
    const { text } = await request(app).get('/admin/keys/').expect(200);
    const [, script] = /src="([^"]+)"/.exec(text) as RegExpExecArray;
    const older = (script as string).replace(/-[\w-]{8}\.js$/, '-0ldHash_.js');
    const [current, other] = await Promise.all(
      [script as string, older].map((file) =>
        request(app).get(new URL(file, 'http://host/admin/keys/').pathname).buffer(true).expect(200),
      ),
    );
    expect(other!.text).toBe(current!.text);
    expect(other!.headers['cache-control']).toBe('no-store');
    expect(other!.headers['content-type']).toBe('text/javascript; charset=utf-8');
  });

  test('the page asks to sign in, with a link when the app has set one', async () => {
    const link = { authenticate: () => null, signInUrl: '/login?next="><script>' };
    const { text } = await request(appWith(make, '/admin/keys', link))
      .get('/admin/keys/')
      .expect(401);
    expect(text).toContain('You are not signed in');
    expect(text).toContain('href="/login?next=&quot;&gt;&lt;script&gt;"');
    const without = await request(appWith(make, '/admin/keys', { authenticate: () => null })).get('/admin/keys/');
    expect(without.text).toContain('Sign in to the application, then reload this page.');
  });

  test('the console answers HEAD without a body and 404 for unknown files', async () => {
    const app = appWith(make);
    expect((await request(app).head('/admin/keys/').expect(200)).text).toBeUndefined();
    expect((await request(app).get('/admin/keys/assets/other.js').expect(404)).body.code).toBe('not_found');
    await request(app).get('/admin/keys/assets/manifest.json').expect(404);
  });
});

test.each([
  ['exampleUrl', 'ftp://host/'],
  ['exampleUrl', '/v1/agents'],
  ['signInUrl', 'javascript:alert(1)'],
  ['signInUrl', '//evil.test/'],
  ['signInUrl', '/\\evil.test'],
  ['signInUrl', 'login'],
])('adminRouter throws when %s is %j', (option, value) => {
  expect(() => appWith(express, '/', { [option]: value })).toThrow(`${option}`);
});
