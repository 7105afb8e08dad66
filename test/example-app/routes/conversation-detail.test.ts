import { toDetail } from '../../../example-app/data/detail';
import {
  conversationWith,
  createPlatform,
  envelope,
  OTHER_PROJECT,
  OTHER_WORKSPACE,
  PROJECT,
  SILENT_PROJECT,
  WORKSPACE,
} from '../support';

let platform: Awaited<ReturnType<typeof createPlatform>>;
let token: string;

beforeEach(async () => {
  platform = await createPlatform();
  token = await platform.mint();
});

/** A call that has every optional member. */
const call = conversationWith((conversation) => {
  const { note, audioUrl, shortSummary, handoffReason } = toDetail(conversation, '');
  return [note, audioUrl, shortSummary, handoffReason].every(Boolean) && conversation.turns[0]!.user_input !== '';
});
const path = `/v1/agents/${PROJECT}/conversations/${call.id}`;
const configure = (features: { transcript: boolean; metrics: 'all' | string[] }) =>
  platform.apiKeys.projects.set(PROJECT, features, { workspaceId: WORKSPACE });

describe('one conversation', () => {
  test('a conversation is whole when the project enables everything', async () => {
    const { body } = await platform.get(path, token).expect(200);
    expect(body).toMatchObject({
      conversationId: call.id,
      accountId: WORKSPACE,
      projectId: PROJECT,
      startedAt: call.started_at,
      handoffReason: call.handoff_reason,
      handoffDestination: call.handoff_destination,
      metrics: call.metrics,
      audioUrl: expect.stringMatching(new RegExp(`^http://127\\.0\\.0\\.1:\\d+${path}/audio$`)),
      language: expect.stringMatching(/^[a-z]{2}-[A-Z]{2}$/),
    });
    expect(body.turns).toHaveLength(call.num_turns);
    const { latency: _latency, ...first } = call.turns[0]!;
    expect(body.turns[0]).toEqual(first);
    expect(JSON.parse(body.shortSummary).content).toContain('The caller said');
    expect(Object.keys(body.functionEvents)).toEqual(['understand']);
  });

  test('members that contain transcript are cleared when the transcript is disabled', async () => {
    await configure({ transcript: false, metrics: ['HANDOFF_TO'] });
    const { body, headers } = await platform.get(path, token).expect(200);
    expect(body).toMatchObject({
      turns: [],
      shortSummary: '',
      note: '',
      audioUrl: '',
      functionEvents: {},
      metrics: { HANDOFF_TO: call.metrics.HANDOFF_TO },
      handoffDestination: call.metrics.HANDOFF_TO,
      handoff: true,
      polyScore: expect.any(Number),
    });
    expect(body.handoffReason).toBe('');
    expect(headers.redacted).toBe('transcript, metrics');
  });

  test('a conversation is found by the slug of its agent', async () => {
    const bySlug = await platform.get(`/v1/agents/acme-team-4/conversations/${call.id}`, token).expect(200);
    expect({ ...bySlug.body, audioUrl: '' }).toEqual({ ...(await platform.get(path, token)).body, audioUrl: '' });
  });

  test('a conversation is not found when it is unknown or of another agent', async () => {
    for (const [agent, id] of [
      [SILENT_PROJECT, call.id],
      [PROJECT, 'CA00000000000000000000000000000000'],
      [PROJECT, '__proto__'],
    ]) {
      const { body } = await platform.get(`/v1/agents/${agent}/conversations/${id}`, token).expect(404);
      expect(body).toEqual(envelope('CONVERSATIONS_NOT_FOUND'));
    }
  });

  test('an agent of another workspace looks like an unknown one', async () => {
    const elsewhere = conversationWith(() => true, OTHER_PROJECT);
    const owner = await platform.mint(['conversations'], 'all', OTHER_WORKSPACE);
    await platform.get(`/v1/agents/${OTHER_PROJECT}/conversations/${elsewhere.id}`, owner).expect(200);
    for (const agent of [OTHER_PROJECT, 'globex-support', 'PROJECT-NONESUCH']) {
      const { body } = await platform.get(`/v1/agents/${agent}/conversations/${elsewhere.id}`, token).expect(404);
      expect(body).toEqual(envelope('PROJECT_NOT_FOUND', `This account has no project ${agent}.`));
    }
  });

  test('a conversation is denied to keys without the agent or the permission', async () => {
    await platform.get(path).expect(401);
    await platform.get(path, await platform.mint(['handoff'])).expect(403);
    await platform.get(path, await platform.mint(['conversations'], [SILENT_PROJECT])).expect(403);
  });
});

describe('its recording', () => {
  const audio = `${path}/audio`;

  test('a recording is a WAV file when the transcript is enabled', async () => {
    const { body, headers } = await platform.get(audio, token).expect(200).expect('content-type', 'audio/wav');
    expect(body.toString('latin1', 0, 4)).toBe('RIFF');
    expect(headers['cache-control']).toContain('private');
  });

  test('a recording is denied when the transcript is disabled', async () => {
    await configure({ transcript: false, metrics: 'all' });
    const { body } = await platform.get(audio, token).expect(403);
    expect(body).toEqual(envelope('FEATURE_NOT_ENABLED'));
  });

  test('a recording differs by direction', async () => {
    const files = await Promise.all(
      ['combined', 'user', 'agent'].map((direction) =>
        platform.get(`${audio}?direction=${direction}`, token).expect(200),
      ),
    );
    const [combined, user, agent] = files.map(({ body }) => body as Buffer);
    expect(user!.equals(agent!)).toBe(false);
    expect(user!.length).toBe(combined!.length);
    expect((await platform.get(audio, token)).body.equals(combined)).toBe(true);
  });

  test('a recording is redacted when that is asked for', async () => {
    const dialled = conversationWith(
      ({ channel, in_progress, turns }) =>
        channel === 'VOICE-SIP' && !in_progress && turns.some(({ user_input_dtmf: dtmf }) => dtmf !== ''),
    );
    const url = `/v1/agents/${PROJECT}/conversations/${dialled.id}/audio`;
    const clear = await platform.get(url, token).expect(200);
    const redacted = await platform.get(`${url}?redacted=true`, token).expect(200);
    expect(redacted.body.equals(clear.body)).toBe(false);
    expect((await platform.get(`${url}?redacted=`, token).expect(200)).body.equals(clear.body)).toBe(true);
  });

  test.each(['direction=both', 'direction=', 'redacted=1', 'direction=user&direction=agent'])(
    'a recording is rejected for %s',
    async (query) => {
      const { body } = await platform.get(`${audio}?${query}`, token).expect(400);
      expect(body).toEqual(envelope('CONVERSATIONS_VALIDATION_FAILED'));
    },
  );

  test('a recording does not exist for chats and calls in progress', async () => {
    for (const wanted of [
      conversationWith(({ channel }) => channel === 'CHAT'),
      conversationWith(({ in_progress }) => in_progress),
    ]) {
      const { body } = await platform.get(`/v1/agents/${PROJECT}/conversations/${wanted.id}/audio`, token).expect(404);
      expect(body).toEqual(envelope('CONVERSATIONS_RECORDING_NOT_FOUND'));
    }
  });
});
