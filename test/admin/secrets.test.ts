import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import type { KeyscopeEvents } from 'keyscope';
import { Events } from '../../src/events';
import { createMemoryStore } from '../../src/store/memory';
import { expresses } from '../support/express-versions';
import { ADMIN, EVE, READER, setup, valid } from './setup';

/** A whole error: message, issues, causes, stack. */
const whole = (value: unknown) => inspect(value, { depth: 20, showHidden: true, maxStringLength: null });

describe.each(expresses)('on %s', (_name, express) => {
  test('tokens appear in the answers to create and rotate, and in nothing else that a whole session leaves behind', async () => {
    /** Every answer but those two, every header, log line, event, error and audit entry, as text. */
    const trail: string[] = [];
    const tokens: string[] = [];
    const digests: string[] = [];

    const events = new Events();
    for (const name of [
      'authenticated',
      'denied',
      'redacted',
      'cache',
      'store',
      'error',
    ] satisfies (keyof KeyscopeEvents)[]) {
      events.on(name, (event) => trail.push(whole(event)));
    }
    const printed = [process.stdout, process.stderr].map((stream) =>
      jest.spyOn(stream, 'write').mockImplementation((chunk) => {
        trail.push(String(chunk));
        return true;
      }),
    );
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation((warning) => {
      trail.push(whole(warning));
    });

    const store = createMemoryStore();
    const { createKey, rotateKey } = store;
    store.createKey = (key, origin) => {
      digests.push(key.digest);
      return createKey(key, origin);
    };
    store.rotateKey = (id, successor, ...rest) => {
      digests.push(successor.digest);
      return rotateKey(id, successor, ...rest);
    };
    const { as, keys, projects, audit, clock } = setup(express, {
      store,
      deps: { report: (error) => events.emit('error', error) },
      router: {
        listAgents: () => {
          throw new Error('no directory');
        },
      },
    });
    type Made = ReturnType<ReturnType<typeof as>['get']>;
    const keep = async (made: Made) => {
      const { status, headers, text } = await made;
      trail.push(whole({ status, headers, text }));
      return status;
    };
    /** A create or rotate: its body may show the token, its headers may not. */
    const reveal = async (made: Made) => {
      const { status, headers, body } = await made;
      trail.push(whole({ status, headers }));
      if (status !== 201) throw new Error(`no token: ${status}`);
      tokens.push(body.token);
      trail.push(whole({ ...body, token: null }));
      return body as { key: { id: string; masked: string; name: string }; token: string };
    };

    try {
      const idempotent = { 'idempotency-key': 'aaaa' };
      const first = await reveal(as().post('/keys').set(idempotent).send(valid));
      tokens.push((await reveal(as().post('/keys').set(idempotent).send(valid))).token);
      const path = `/keys/${first.key.id}`;
      const second = await reveal(as().post(`${path}/rotate`).send({ overlap: '1d' }));
      const { token } = second;

      for (const user of [ADMIN, EVE, READER, null]) {
        for (const url of [
          '/keys',
          '/keys?q=crm',
          path,
          `/keys/${second.key.id}`,
          `${path}/usage`,
          `/usage?keys=${first.key.id},${second.key.id}`,
          '/audit',
          '/projects',
          '/session',
          '/agents',
          '/metrics',
          '/permissions',
          '/openapi.json',
          '/nothing',
        ]) {
          await keep(as(user).get(url));
          await keep(as(user).head(url));
        }
        await keep(
          as(user)
            .post('/keys')
            .set(idempotent)
            .send({ ...valid, name: 'Other' }),
        );
        await keep(as(user).post(`${path}/rotate`).send({ overlap: 0 }));
        await keep(as(user).patch(path).send({ disabled: true }));
        await keep(as(user).patch(path).set('if-match', '"1"').send({ name: 'Late' }));
        await keep(as(user).put('/projects/p/configuration').send({ transcript: true, metrics: 'all' }));

        // Tokens in the wrong fields: error messages do not repeat them.
        await keep(as(user).get(`/keys/${token}`));
        await keep(as(user).get(`/keys?cursor=${token}`));
        await keep(as(user).get(`/keys?sort=${token}`));
        await keep(as(user).get(`/keys?${token}=1`));
        await keep(as(user).get(`/audit?target=${token}x`));
        await keep(as(user).get(`/keys/${token}/usage`));
        await keep(as(user).get(`/usage?keys=${token}`));
        await keep(as(user).get(`/usage?keys=${first.key.id}&days=${token}`));
        await keep(
          as(user)
            .post('/keys')
            .send({ ...valid, permissions: [token] }),
        );
        await keep(
          as(user)
            .post('/keys')
            .send({ ...valid, agents: token }),
        );
        await keep(
          as(user)
            .post('/keys')
            .send({ ...valid, expiresAt: token, [token]: 1 }),
        );
        await keep(as(user).post('/keys').set('content-type', 'application/json').send(`{"x":"${token}`));
        await keep(as(user).post('/keys').set('content-type', token).send('x'));
        await keep(as(user).patch(path).send({ token, digest: digests[0] }));
        await keep(as(user).patch(path).set('if-match', token).send({ name: 'x' }));
        await keep(as(user).put('/projects/p/configuration').send({ transcript: token, metrics: token }));
        await keep(as(user).get('/keys').set('x-api-key', token));
      }
      clock.advance(3_600_000);
      await keep(as().post('/keys').set(idempotent).send(valid));
      await keep(as().delete(path));
      await keep(as().delete(path));
      trail.push(whole(await keys.list({ workspaceId: 'acme' })));
      trail.push(whole(await projects.list({ workspaceId: 'acme' })));
      trail.push(whole(await audit.list({ workspaceId: 'acme' })));
    } finally {
      for (const spy of [...printed, warned]) spy.mockRestore();
    }

    const text = trail.join('\n');
    expect(trail.length).toBeGreaterThan(150);
    expect(tokens).toHaveLength(4);
    expect(new Set(tokens).size).toBe(2);
    expect(digests.length).toBeGreaterThanOrEqual(2);
    const secrets = tokens.flatMap((token) => {
      const bytes = createHash('sha256').update(token).digest();
      return [
        token,
        token.slice(-38),
        token.slice(-38, -6),
        token.slice(-30, -10),
        bytes.toString('hex'),
        bytes.toString('base64'),
        bytes.toString('base64url'),
      ];
    });
    for (const secret of [...secrets, ...digests]) expect(text.includes(secret)).toBe(false);
    // The masked forms do appear: the trail is not empty of keys.
    expect(text).toContain('************');
  });
});
