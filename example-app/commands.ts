import type { Conversations } from './data/conversations';
import { isRecorded } from './data/detail';
import type { PlatformData } from './data/platform-data';
import { ADMIN } from './routes/places';
import { type Seeded, SHOWN_PROJECT } from './seed';

const DAY = 24 * 60 * 60 * 1000;

/** A command to paste, the status of its response, and the reason for it. */
export interface Command {
  readonly status: number;
  readonly shows: string;
  readonly curl: string;
}

function firstPosition(conversations: Conversations, wanted: (position: number) => boolean): number {
  for (let position = 0; position < conversations.count; position += 1) if (wanted(position)) return position;
  throw new Error('The generated data has no such conversation.');
}

/** A tour. Each command sets up what it needs, so any of them works by itself. */
export function createCommands(
  address: string,
  data: PlatformData,
  { keys }: Pick<Seeded, 'keys'>,
  operatorPassword: string,
  now = Date.now(),
): Command[] {
  const project = data.project(SHOWN_PROJECT);
  if (project === undefined) throw new Error(`The generated data has no project ${SHOWN_PROJECT}.`);
  const conversations = data.conversationsOf(project);
  const recorded = conversations.facts(firstPosition(conversations, (at) => isRecorded(conversations.whole(at)))).id;
  const shared = conversations.facts(firstPosition(conversations, (at) => conversations.facts(at).sharedId !== null));

  const { everything, oneAgent, noConversations, otherWorkspace } = keys;
  const list = `${address}/v3/acme-uk/acme-team-4/conversations`;
  const agents = `${address}/v1/agents`;
  const get = (url: string, token: string, options = '-s') => `curl ${options} '${url}' -H 'x-api-key: ${token}'`;
  const configure = (features: object) =>
    `curl -s -X PUT '${address}${ADMIN}/projects/${SHOWN_PROJECT}/configuration' -H 'authorization: Bearer ${operatorPassword}' -H 'content-type: application/json' -d '${JSON.stringify(features)}'`;
  const day = (days: number) => new Date(now + days * DAY).toISOString().slice(0, 10);
  const search = `query_type=transcript&query=order&start_time=${day(-30)}&end_time=${day(1)}`;
  const event = `${address}/v1/external-events/webhook?event_id_location=payload&event_id_path=payment.id&account_id=acme-uk&project_id=acme-team-4`;

  return [
    {
      status: 200,
      shows: 'the project enables everything',
      curl: configure({ transcript: true, metrics: 'all' }),
    },
    { status: 200, shows: 'turns and metrics are there', curl: get(`${list}?limit=1`, everything.token) },
    {
      status: 200,
      shows: 'the project disables its transcript, and all metrics except one',
      curl: configure({ transcript: false, metrics: ['CALL_COMPLETED'] }),
    },
    {
      status: 200,
      shows: 'same key, same call: turns is [], one metric is left, and the Redacted header names what is disabled',
      curl: get(`${list}?limit=1`, everything.token, '-si'),
    },
    { status: 403, shows: 'searching the transcript is reading it', curl: get(`${list}?${search}`, everything.token) },
    {
      status: 200,
      shows: 'the same through a proxy, from a service that knows nothing of keys',
      curl: get(`${address}/proxied/v3/acme-uk/acme-team-4/conversations?limit=1`, everything.token),
    },
    {
      status: 200,
      shows: 'and back again: everything enabled',
      curl: configure({ transcript: true, metrics: 'all' }),
    },
    {
      status: 200,
      shows: 'a long page is sent conversation by conversation',
      curl: get(`${list}?limit=1000`, everything.token, `-s -o /dev/null -w '%{size_download} bytes\\n'`),
    },
    {
      status: 200,
      shows: 'one conversation',
      curl: get(`${agents}/${SHOWN_PROJECT}/conversations/${recorded}`, everything.token),
    },
    {
      status: 200,
      shows: 'and its recording',
      curl: get(`${agents}/${SHOWN_PROJECT}/conversations/${recorded}/audio`, everything.token, '-s -o call.wav'),
    },
    {
      status: 200,
      shows: 'all conversations of the workspace, each redacted by its own project',
      curl: get(`${address}/v3/conversations?limit=2`, everything.token),
    },
    {
      status: 200,
      shows: 'the agents that a restricted key may use',
      curl: get(`${address}/v1/accounts/acme-uk/agents`, oneAgent.token),
    },
    {
      status: 403,
      shows: 'and one that it may not use',
      curl: get(`${address}/v3/acme-uk/acme-bookings/conversations`, oneAgent.token),
    },
    { status: 403, shows: 'a key without the permission', curl: get(list, noConversations.token) },
    { status: 403, shows: 'a key of another workspace', curl: get(list, otherWorkspace.token) },
    { status: 401, shows: 'no key', curl: `curl -si '${list}'` },
    {
      status: 200,
      shows: 'the handoff state of a call',
      curl: get(`${address}/v1/acme-uk/acme-team-4/handoff_state?shared_id=${shared.sharedId}`, noConversations.token),
    },
    {
      status: 201,
      shows: 'an event for a call',
      curl: `${get(event, noConversations.token)} -H 'content-type: application/json' -d '{"payment":{"id":"evt_1","ok":true}}'`,
    },
    {
      status: 410,
      shows: 'version 1 is gone',
      curl: `curl -s '${address}/v1/acme-uk/acme-team-4/conversations'`,
    },
  ];
}
