import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Console } from '../../../src/admin/console/console';
import { expresses } from '../../support/express-versions';
import { MOUNT, READER, setup } from '../setup';

const webConsole: Console = {
  page(req, res, identity) {
    res.setHeader('Content-Type', 'text/html');
    res.end(req.method === 'HEAD' ? undefined : `<p>${identity?.actor ?? 'Sign in again'}</p>`);
  },
  async asset(_req, res, path) {
    if (path === 'broken.js') throw new Error('EIO /srv/app/broken.js');
    res.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    res.setHeader('Content-Type', 'text/javascript');
    res.end(path);
  },
};

describe.each(expresses)('a console on %s', (_name, express) => {
  const make = () => setup(express, { deps: { console: webConsole } });

  test('the console receives the signed-in operator at the mount path', async () => {
    const { as } = make();
    for (const url of ['', '/', '/?tab=keys']) {
      const res = await as().get(url).expect(200);
      expect(res.text).toBe('<p>admin@acme.test</p>');
      expect(res.headers['cache-control']).toBe('no-store');
    }
    expect((await as(READER).head('/').expect(200)).text).toBeUndefined();
  });

  test('the console responds 401 when the request is not signed in', async () => {
    const { as } = make();
    const res = await as(null).get('/').expect(401);
    expect(res.text).toBe('<p>Sign in again</p>');
    expect(res.headers['www-authenticate']).toBe('Session realm="api-keys"');
  });

  test('the console sends assets without authentication', async () => {
    const authenticate = jest.fn(() => null);
    const { as } = setup(express, { deps: { console: webConsole }, router: { authenticate } });
    const res = await as(null).get('/assets/fonts/a-1.b_2.js?v=1').expect(200);
    expect(res.headers).toMatchObject({ 'cache-control': /immutable/, 'x-content-type-options': 'nosniff' });
    expect(res.text).toBe('fonts/a-1.b_2.js');
    expect(authenticate).not.toHaveBeenCalled();
  });

  test.each([
    '/assets/',
    '/assets',
    '/assets/a/',
    '/assets/%2e%2e/a',
    '/assets/a%2fb',
    '/assets/a%00',
    '/assets/.',
    '/assets/a/..',
    '/assets/..a/../b',
  ])('the console is not called for %s', async (path) => {
    const { app } = make();
    // As it stands: clients that resolve dots would never send it.
    const server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [res] = await once(
      http.get({ port, host: '127.0.0.1', path: MOUNT + path, headers: { 'x-user': 'a/b' } }),
      'response',
    );
    expect(res.statusCode).toBe(404);
    res.resume();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('the console receives GET and HEAD of its own paths only', async () => {
    const { as, reported } = make();
    await as().post('/').send({}).expect(404);
    await as().delete('/assets/a.js').expect(404);
    await as().get('/keys').expect(200);
    const res = await as().get('/assets/broken.js').expect(500);
    expect(res.text).not.toContain('EIO');
    expect(reported).toHaveLength(1);
  });
});
