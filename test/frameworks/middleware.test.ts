import type { RequestHandler, Response } from 'express';
import rateLimit from 'express-rate-limit';
import session from 'express-session';
import onHeaders from 'on-headers';
import { ask, CONVERSATION, type GuardedApp, MODES, type Mode, REDACTED, startApp } from './guarded-app';

declare module 'express-session' {
  interface SessionData {
    seen: number;
  }
}

const answer: RequestHandler = (_req, res) => void res.json(CONVERSATION);

function get(app: GuardedApp, mode: Mode, path = '', headers: Record<string, string> = {}) {
  return ask(`${app.url(mode)}${path}`, { headers: { ...app.headers, ...headers } });
}

describe('express-session', () => {
  const createSession = () =>
    session({ secret: 'test', resave: false, saveUninitialized: true, genid: () => 'session-1', rolling: true });
  const count: RequestHandler = (req, res) => {
    req.session.seen = (req.session.seen ?? 0) + 1;
    res.json({ ...CONVERSATION, seen: req.session.seen });
  };

  test.each(['before', 'behind'])('%s keyscope it keeps its session when everything is enabled', async (place) => {
    const app = await startApp(({ app, path, guards }) => {
      app.use(path, ...(place === 'before' ? [createSession(), ...guards] : [...guards, createSession()]), count);
    });
    const seen = async (mode: Mode) => {
      const first = await get(app, mode);
      const cookie = first.headers['set-cookie']!.split(';')[0]!;
      return [first, await get(app, mode, '', { cookie })];
    };
    try {
      const [plain, on, off] = [await seen('plain'), await seen('on'), await seen('off')];
      expect(on).toEqual(plain);
      expect(JSON.parse(off[1]!.body)).toEqual({ ...REDACTED, seen: 2 });
    } finally {
      await app.close();
    }
  });
});

describe('a user of on-headers', () => {
  const publish: RequestHandler = (_req, res, next) => {
    onHeaders(res, function setCacheControl(this: Response) {
      this.setHeader('Cache-Control', 'public, max-age=60, s-maxage=600');
      this.setHeader('Surrogate-Control', 'max-age=600');
      this.setHeader('X-Seen', String(this.statusCode));
    });
    next();
  };

  test.each(['before', 'behind'])('%s keyscope does not make a response public', async (place) => {
    const app = await startApp(({ app, path, guards }) => {
      app.use(path, ...(place === 'before' ? [publish, ...guards] : [...guards, publish]), answer);
    });
    try {
      for (const mode of ['on', 'off'] as const) {
        const response = await fetch(app.url(mode), { headers: app.headers });
        expect(response.headers.get('cache-control')).toMatch(/\bprivate\b/);
        expect(response.headers.get('cache-control')).not.toMatch(/public|s-maxage/);
        expect(response.headers.get('x-seen')).toBe('200');
        await response.arrayBuffer();
      }
    } finally {
      await app.close();
    }
  });
});

describe('express-rate-limit', () => {
  test.each(MODES)(
    'express-rate-limit responds 429 with Retry-After behind keyscope when a caller exceeds the limit: %s',
    async (mode) => {
      const app = await startApp(({ app, path, guards }) => {
        app.use(
          path,
          ...guards,
          rateLimit({ windowMs: 60_000, limit: 1, validate: false, keyGenerator: () => path }),
          answer,
        );
      });
      try {
        expect((await get(app, mode)).status).toBe(200);
        const limited = await get(app, mode);
        expect(limited.status).toBe(429);
        expect(limited.headers['retry-after']).toBe('60');
        if (mode === 'on') expect(limited.body).toBe('Too many requests, please try again later.');
      } finally {
        await app.close();
      }
    },
  );
});
