import request, { type Test } from 'supertest';
import { createPlatformKeys, type Permission } from '../../example-app/api-keys';
import { type AppOptions, createApp } from '../../example-app/app';
import type { Conversation, Facts } from '../../example-app/data/model';
import { createPlatformData, type PlatformData } from '../../example-app/data/platform-data';
import { validateResponse } from './validate-response';

export const WORKSPACE = 'ws-fd112d8f';
export const PROJECT = 'PROJECT-58RP822I';
export const SILENT_PROJECT = 'PROJECT-7QK2M0XD';
export const OTHER_WORKSPACE = 'ws-7b20c91e';
export const OTHER_PROJECT = 'PROJECT-GLX4410A';
export const V3 = `/v3/${WORKSPACE}/${PROJECT}/conversations`;

export const EVERYTHING = { transcript: true, metrics: 'all' } as const;

/** Generates each conversation once for a file of tests, instead of once for each request. */
function cached(data: PlatformData): PlatformData {
  const cache = <Value>(read: (position: number) => Value) => {
    const values: Value[] = [];
    return (position: number) => (values[position] ??= read(position));
  };
  const byId = new Map<string, ReturnType<PlatformData['conversationsOf']>>();
  return {
    ...data,
    conversationsOf(project) {
      const known = byId.get(project.id);
      if (known !== undefined) return known;
      const generated = data.conversationsOf(project);
      const made = {
        ...generated,
        facts: cache<Facts>((position) => Object.freeze(generated.facts(position))),
        whole: cache<Conversation>((position) => generated.whole(position)),
      };
      byId.set(project.id, made);
      return made;
    },
  };
}

export const data = cached(createPlatformData());
export const conversations = data.conversationsOf(data.project(PROJECT)!);

/** The first conversation of a project that matches. */
export function conversationWith(
  wanted: (conversation: Conversation) => boolean,
  projectId: string = PROJECT,
): Conversation {
  const from = data.conversationsOf(data.project(projectId)!);
  for (let position = 0; position < from.count; position += 1) {
    const conversation = from.whole(position);
    if (wanted(conversation)) return conversation;
  }
  throw new Error('There is no such conversation.');
}

/** The app on a store in memory. `PROJECT` has everything enabled, the other projects nothing. */
export async function createPlatform(options: Partial<AppOptions> = {}) {
  const apiKeys = options.apiKeys ?? createPlatformKeys();
  await apiKeys.projects.set(PROJECT, EVERYTHING, { workspaceId: WORKSPACE });
  const app = createApp({ apiKeys, data, ...options });

  async function mint(
    permissions: readonly Permission[] = ['conversations', 'handoff', 'external_events'],
    agents: 'all' | string[] = 'all',
    workspaceId = WORKSPACE,
  ): Promise<string> {
    const { token } = await apiKeys.keys.create({ workspaceId, name: 'test', agents, permissions });
    return token;
  }

  return {
    app,
    apiKeys,
    mint,
    /** Sends a GET. The response is validated against the app's OpenAPI document. */
    get: (path: string, token?: string): Test => {
      const test = request(app)
        .get(path)
        .expect((response) => validateResponse('GET', path, response));
      return token === undefined ? test : test.set('x-api-key', token);
    },
    /** Starts a POST whose response is validated, as that of `get`. */
    post: (path: string): Test =>
      request(app)
        .post(path)
        .expect((response) => validateResponse('POST', path, response)),
  };
}

/** The error envelope of all routes except Handoff and External events. */
export function envelope(code: string, message: unknown = expect.any(String)) {
  return {
    success: false,
    error: expect.any(String),
    error_id: expect.any(String),
    error_code: code,
    error_message: message,
    data: null,
  };
}
