import 'reflect-metadata';
import { Controller, Get, HttpCode, HttpException, Module, NotFoundException, Redirect, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { of } from 'rxjs';
import { ask, CONVERSATION, type GuardedApp, type Mode, REDACTED, SECRET, startApp } from './guarded-app';

class ConversationsController {
  json() {
    return CONVERSATION;
  }
  text() {
    return 'plain text';
  }
  missing() {
    throw new NotFoundException('No such conversation.');
  }
  limited() {
    throw new HttpException('Too many requests.', 429);
  }
  broken() {
    throw new Error('broken');
  }
  empty() {}
  away() {}
  events() {
    return of({ data: CONVERSATION }, { data: 'a text', id: '7' }, { data: CONVERSATION, type: 'conversation' });
  }
}

/** Applies decorators by calling them, which needs no compiler that knows their syntax. */
function decorate(method: keyof ConversationsController, ...decorators: MethodDecorator[]): void {
  const { prototype } = ConversationsController;
  for (const decorator of decorators) {
    decorator(prototype, method, Object.getOwnPropertyDescriptor(prototype, method)!);
  }
}

Controller(':mode')(ConversationsController);
decorate('json', Get('json'));
decorate('text', Get('text'));
decorate('missing', Get('missing'));
decorate('limited', Get('limited'));
decorate('broken', Get('broken'));
decorate('empty', Get('empty'), HttpCode(204));
decorate('away', Get('away'), Redirect('/elsewhere', 302));
decorate('events', Sse('events'));

class AppModule {}
Module({ controllers: [ConversationsController] })(AppModule);

let app: GuardedApp;
let close: () => Promise<void>;

beforeAll(async () => {
  let adapter: ExpressAdapter | undefined;
  app = await startApp(async ({ app, path, guards }) => {
    app.use(path, ...guards);
    if (path !== '/off') return;
    // Nest takes over the app when all of the guards are in place.
    adapter = new ExpressAdapter(app);
    const nest = await NestFactory.create(AppModule, adapter, { logger: false });
    await nest.init();
    close = () => nest.close();
  });
});
afterAll(async () => {
  await app.close();
  await close();
});

const get = (mode: Mode, path: string) => ask(`${app.url(mode)}/${path}`, { headers: app.headers });

/** The path of the request is in the body of a 404 of Nest's own. */
const withoutMode = ({ status, body }: { status: number; body: string }) => ({
  status,
  body: body.replace(/\/(?:plain|on|off)\//, '/mode/'),
});

describe('NestJS', () => {
  test.each(['json', 'text', 'missing', 'limited', 'broken', 'empty', 'away', 'events'])(
    '%s is answered as without keyscope when everything is enabled',
    async (path) => {
      expect(await get('on', path)).toEqual(await get('plain', path));
    },
  );

  test('a missing route is answered as without keyscope when everything is enabled', async () => {
    expect(withoutMode(await get('on', 'nothing'))).toEqual(withoutMode(await get('plain', 'nothing')));
  });

  test('json is redacted when nothing is enabled', async () => {
    const { status, body } = await get('off', 'json');
    expect({ status, body: JSON.parse(body) }).toEqual({ status: 200, body: REDACTED });
  });

  test('no event has a disabled field when nothing is enabled', async () => {
    const body = await get('off', 'events').then(
      (answer) => answer.body,
      (error: Error) => error.message,
    );
    expect(body).not.toContain(SECRET);
  });

  test.each(['missing', 'limited', 'broken', 'empty', 'away', 'nothing'])(
    '%s keeps its status when nothing is enabled',
    async (path) => {
      expect((await get('off', path)).status).toBe((await get('plain', path)).status);
    },
  );
});
