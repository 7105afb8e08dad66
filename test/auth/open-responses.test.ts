import { once } from 'node:events';
import { createApiKeys } from 'keyscope';
import { expresses } from '../support/express-versions';
import { waitUntil } from '../support/wait-until';
import { BOTH, streamEvents, streamPermissions, useStreams } from './open-streams';

describe.each(expresses)('%s', (_name, express) => {
  const { setUp, open } = useStreams(express);

  describe('a stream with endOnRevocation', () => {
    function mount(): ReturnType<typeof setUp> {
      const world = setUp();
      world.app.get('/events', world.apiKeys.requireApiKey('conversations', { endOnRevocation: true }), streamEvents);
      return world;
    }

    test.each<[string, (world: ReturnType<typeof setUp>, id: string) => Promise<unknown>]>([
      ['deleted', ({ apiKeys }, id) => apiKeys.keys.delete(id)],
      ['disabled', ({ apiKeys }, id) => apiKeys.keys.update(id, { disabled: true })],
      ['permission', ({ apiKeys }, id) => apiKeys.keys.update(id, { permissions: ['handoff'] })],
      ['expired', ({ apiKeys }, id) => apiKeys.keys.rotate(id, { overlap: 0 })],
    ])('a stream ends and an event says why when its key is %s', async (reason, revoke) => {
      const world = mount();
      const { key, token } = await world.create();
      const other = await world.create();
      const stream = await open(world.app, '/events', token);
      const kept = await open(world.app, '/events', other.token);
      await revoke(world, key.id);
      await stream.closed;
      expect(world.ended).toEqual([[reason, 'GET', '/events']]);
      expect(kept.isClosed).toBe(false);
    });

    test('a stream goes on when its key changes and still has the permission', async () => {
      const world = mount();
      const { key, token } = await world.create();
      const stream = await open(world.app, '/events', token);
      await world.apiKeys.keys.update(key.id, { name: 'renamed', permissions: ['conversations'] });
      await world.apiKeys.keys.update(key.id, { permissions: [...BOTH] });
      const second = await world.create();
      const ending = await open(world.app, '/events', second.token);
      await world.apiKeys.keys.delete(second.key.id);
      await ending.closed;
      expect(stream.isClosed).toBe(false);
    });

    test('a stream ends at the moment at which its key expires', async () => {
      const world = mount();
      const { token } = await world.create({ expiresAt: new Date(Date.now() + 1200) });
      const stream = await open(world.app, '/events', token);
      await stream.closed;
      expect(world.ended).toEqual([['expired', 'GET', '/events']]);
    });
  });

  test('a stream behind redactResponse ends by default, and another one does not', async () => {
    const { apiKeys, app, create, ended } = setUp();
    app.get('/redacted', apiKeys.requireApiKey(), apiKeys.redactResponse(), streamEvents);
    app.get(
      '/kept',
      apiKeys.requireApiKey(undefined, { endOnRevocation: false }),
      apiKeys.redactResponse(),
      streamEvents,
    );
    app.get('/plain', apiKeys.requireApiKey(), streamEvents);
    const { key, token } = await create();
    const redacted = await open(app, '/redacted', token);
    const others = [await open(app, '/kept', token), await open(app, '/plain', token)];
    await apiKeys.keys.delete(key.id);
    await redacted.closed;
    expect(others.map(({ isClosed }) => isClosed)).toEqual([false, false]);
    expect(ended).toEqual([['deleted', 'GET', '/redacted']]);
  });

  test('a stream and its signal end when the key loses the permission that an earlier requireApiKey required', async () => {
    const { apiKeys, app, create, ended } = setUp();
    const signals: AbortSignal[] = [];
    app.use(apiKeys.requireApiKey('handoff'));
    app.get('/events', apiKeys.requireApiKey('conversations'), apiKeys.redactResponse(), (req, res) => {
      signals.push((req.apiKey as NonNullable<typeof req.apiKey>).signal);
      streamEvents(req, res);
    });
    const { key, token } = await create();
    const stream = await open(app, '/events', token);
    await apiKeys.keys.update(key.id, { permissions: ['conversations'] });
    await stream.closed;
    expect(ended).toEqual([['permission', 'GET', '/events']]);
    expect(signals[0]?.reason).toMatchObject({ code: 'permission_denied' });
  });

  test('a stream ends when the key loses the permission that a requireApiKey behind redactResponse required', async () => {
    const { apiKeys, app, create, ended } = setUp();
    const { requireApiKey, redactResponse } = apiKeys;
    app.get('/events', requireApiKey('conversations'), redactResponse(), requireApiKey('handoff'), streamEvents);
    const { key, token } = await create();
    const stream = await open(app, '/events', token);
    await apiKeys.keys.update(key.id, { permissions: ['conversations'] });
    await stream.closed;
    expect(ended).toEqual([['permission', 'GET', '/events']]);
  });

  test('a stream that begins after the revocation ends before its first piece is sent', async () => {
    const { apiKeys, app, create, ended } = setUp();
    let begin = () => {};
    const received = new Promise<void>((resolve) => {
      app.get('/late', apiKeys.requireApiKey(), apiKeys.redactResponse(), (req, res) => {
        begin = () => streamEvents(req, res);
        resolve();
      });
    });
    const { key, token } = await create();
    const opening = open(app, '/late', token);
    const closed = expect(opening).rejects.toThrow('socket hang up');
    await received;
    await apiKeys.keys.delete(key.id);
    const until = performance.now() + 400;
    await waitUntil('twice maxRevocationLag has passed', () => performance.now() > until);
    begin();
    await closed;
    expect(ended).toEqual([['deleted', 'GET', '/late']]);
  });

  test('a stream that begins after its key was disabled and enabled again goes on', async () => {
    const { apiKeys, app, create } = setUp();
    let begin = () => {};
    let signal: AbortSignal | undefined;
    app.get('/late', apiKeys.requireApiKey(), apiKeys.redactResponse(), (req, res) => {
      begin = () => streamEvents(req, res);
      signal = req.apiKey?.signal;
    });
    const { key, token } = await create();
    const opening = open(app, '/late', token);
    await waitUntil('the request is handled', () => signal !== undefined);
    await apiKeys.keys.update(key.id, { disabled: true });
    await waitUntil('it has been noticed', () => signal?.aborted === true);
    await apiKeys.keys.update(key.id, { disabled: false });
    const until = performance.now() + 200;
    await waitUntil('the key was checked again', () => performance.now() > until);
    begin();
    expect((await opening).isClosed).toBe(false);
  });

  test('a response that does not stream is sent after the revocation', async () => {
    const { apiKeys, app, create, ended } = setUp();
    let respond = () => {};
    const received = new Promise<void>((resolve) => {
      app.get('/slow', apiKeys.requireApiKey(), apiKeys.redactResponse(), (_req, res) => {
        respond = () => void res.json({ id: 1 });
        resolve();
      });
    });
    const { key, token } = await create();
    const opening = open(app, '/slow', token);
    await received;
    await apiKeys.keys.delete(key.id);
    respond();
    expect((await opening).status).toBe(200);
    expect(ended).toEqual([]);
  });

  test('open responses end and signals abort when the API keys are closed', async () => {
    const { apiKeys, app, create, ended } = setUp();
    const signals: AbortSignal[] = [];
    let begin: (() => void) | undefined;
    app.get('/events', apiKeys.requireApiKey(undefined, { endOnRevocation: true }), streamEvents);
    app.get('/plain', apiKeys.requireApiKey(), (req, res) => {
      signals.push((req.apiKey as NonNullable<typeof req.apiKey>).signal);
      streamEvents(req, res);
    });
    app.get('/late', apiKeys.requireApiKey(), apiKeys.redactResponse(), (req, res) => {
      begin = () => streamEvents(req, res);
    });
    const { token } = await create();
    const stream = await open(app, '/events', token);
    const plain = await open(app, '/plain', token);
    const late = open(app, '/late', token);
    // It ends before or after its first piece is sent.
    const lateClosed = late.then(
      ({ closed }) => closed,
      () => {},
    );
    const verified = await apiKeys.verify(token);
    if (!verified.ok) throw new Error('denied');
    signals.push(verified.key.signal);
    await waitUntil('the last request is handled', () => begin !== undefined);
    await apiKeys.close();
    await stream.closed;
    await waitUntil('the signals have aborted', () => signals.every(({ aborted }) => aborted));
    expect(signals.map(({ reason }) => reason.code)).toEqual(['store_unavailable', 'store_unavailable']);
    begin?.();
    await lateClosed;
    expect(plain.isClosed).toBe(false);
    expect(ended.map((event) => (event as unknown[])[0])).toEqual(['closed', 'closed', 'closed', 'closed']);
    // A stream or a signal that is opened afterwards also ends.
    expect((await apiKeys.verify(token)).ok).toBe(true);
    const after = await open(app, '/events', token);
    await after.closed;
  });

  test('req.apiKey.signal aborts with the error that a request would get', async () => {
    const { apiKeys, app, create } = setUp();
    const signals: AbortSignal[] = [];
    app.get('/a', apiKeys.requireApiKey('conversations'), (req, res) => {
      signals.push((req.apiKey as NonNullable<typeof req.apiKey>).signal);
      expect(req.apiKey?.signal).toBe(signals.at(-1));
      res.write('x');
    });
    const { key, token } = await create();
    const stream = await open(app, '/a', token);
    expect(signals[0]?.aborted).toBe(false);
    await apiKeys.keys.update(key.id, { permissions: ['handoff'] });
    await waitUntil('the signal has aborted', () => signals[0]?.aborted === true);
    expect(signals[0]?.reason).toMatchObject({ code: 'permission_denied', status: 403 });
    expect(stream.isClosed).toBe(false);
  });
});

describe('verify', () => {
  test('key.signal aborts when the key loses the permission that was verified', async () => {
    const apiKeys = createApiKeys({ permissions: streamPermissions });
    const { key, token } = await apiKeys.keys.create({ name: 'x', agents: 'all', permissions: [...BOTH] });
    const ofOne = await apiKeys.verify(token, { permission: 'conversations' });
    const ofAny = await apiKeys.verify(token);
    if (!ofOne.ok || !ofAny.ok) throw new Error('denied');
    const { signal } = ofOne.key;
    const aborted = once(signal, 'abort');
    expect(ofAny.key.signal.aborted).toBe(false);
    await apiKeys.keys.update(key.id, { permissions: ['handoff'] });
    await aborted;
    expect(ofAny.key.signal.aborted).toBe(false);
    await apiKeys.close();
  });
});
