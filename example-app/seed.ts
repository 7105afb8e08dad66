import type { Permission, PlatformKeys } from './api-keys';

const ACME = 'ws-fd112d8f';
const GLOBEX = 'ws-7b20c91e';

/** The project of the one-agent key and of the printed commands. */
export const SHOWN_PROJECT = 'PROJECT-58RP822I';

const EVERYTHING: readonly Permission[] = ['conversations', 'handoff', 'external_events'];
const DAY = 24 * 60 * 60 * 1000;
const MINUTE = 60 * 1000;

interface Role {
  readonly name: string;
  readonly workspaceId: string;
  readonly agents: 'all' | readonly string[];
  readonly permissions: readonly Permission[];
}

const ROLES = {
  everything: { name: 'Everything', workspaceId: ACME, agents: 'all', permissions: EVERYTHING },
  oneAgent: { name: 'One agent only', workspaceId: ACME, agents: [SHOWN_PROJECT], permissions: ['conversations'] },
  noConversations: {
    name: 'No conversations',
    workspaceId: ACME,
    agents: 'all',
    permissions: ['handoff', 'external_events'],
  },
  otherWorkspace: { name: 'Globex everything', workspaceId: GLOBEX, agents: 'all', permissions: EVERYTHING },
} as const satisfies Record<string, Role>;
export type RoleName = keyof typeof ROLES;

/** The first configurations. The pilot and the outbound project have none. */
const CONFIGURATIONS = [
  [ACME, SHOWN_PROJECT, { transcript: true, metrics: 'all' }],
  [ACME, 'PROJECT-7QK2M0XD', { transcript: false, metrics: ['CALL_COMPLETED', 'HANDOFF_TO'] }],
  [ACME, 'PROJECT-C1V9TT3E', { transcript: true, metrics: [] }],
  [GLOBEX, 'PROJECT-GLX4410A', { transcript: true, metrics: ['CALL_COMPLETED', 'HANDOFF_REASON', 'CSAT_SCORE'] }],
] as const;

/** `createdBy` of permanent keys, and of keys for the commands of one start. */
const FIRST_START = 'example-app';
const EACH_START = 'example-app:start';
/** Starts whose keys are kept, the present one included. */
const STARTS_KEPT = 4;
/** Keys that one start creates in each workspace: three roles and the short-lived key; one role. */
const KEYS_PER_START = { [ACME]: 4, [GLOBEX]: 1 } as const;

/** A key with its token, which is shown once. */
export interface DemoKey {
  readonly name: string;
  /** The agents of the key, in words. */
  readonly agents: string;
  readonly permissions: readonly string[];
  readonly expiresAt: Date | null;
  readonly token: string;
}

export interface Seeded {
  /** True if this start found no keys and created the permanent ones. */
  readonly first: boolean;
  readonly keys: Readonly<Record<RoleName, DemoKey>>;
  readonly shortLived: DemoKey;
  /** Keys of earlier starts, masked: their tokens were shown once. */
  readonly earlier: readonly { readonly name: string; readonly masked: string; readonly expiresAt: Date | null }[];
}

type Listed = Awaited<ReturnType<PlatformKeys['keys']['list']>>['keys'][number];

/** Every key of a workspace, the newest first. */
async function listAll(apiKeys: PlatformKeys, workspaceId: string): Promise<Listed[]> {
  const all: Listed[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<PlatformKeys['keys']['list']>> = await apiKeys.keys.list({
      workspaceId,
      sort: 'created',
      order: 'desc',
      limit: 100,
      ...(cursor !== null && { cursor }),
    });
    all.push(...page.keys);
    cursor = page.cursor;
  } while (cursor !== null);
  return all;
}

async function mint(
  apiKeys: PlatformKeys,
  role: Role,
  extra: { readonly createdBy: string; readonly note?: string; readonly expiresIn?: number },
): Promise<DemoKey> {
  const { key, token } = await apiKeys.keys.create({
    workspaceId: role.workspaceId,
    name: extra.note === undefined ? role.name : `${role.name} (${extra.note})`,
    agents: role.agents,
    permissions: role.permissions,
    createdBy: extra.createdBy,
    ...(extra.expiresIn !== undefined && { expiresIn: extra.expiresIn }),
  });
  return {
    name: key.name,
    agents: key.agents === 'all' ? `every agent of ${key.workspaceId}` : key.agents.join(', '),
    permissions: key.permissions,
    expiresAt: key.expiresAt,
    token,
  };
}

/** Deletes keys that earlier starts created for their commands: expired ones, and all but those of the newest starts. */
async function tidy(
  apiKeys: PlatformKeys,
  workspaceId: keyof typeof KEYS_PER_START,
  keys: readonly Listed[],
  now: number,
): Promise<void> {
  const kept = (STARTS_KEPT - 1) * KEYS_PER_START[workspaceId];
  const ofStarts = keys.filter((key) => key.createdBy === EACH_START);
  const stale = ofStarts.filter(
    (key, index) => index >= kept || (key.expiresAt !== null && key.expiresAt.getTime() <= now),
  );
  await Promise.all(stale.map((key) => apiKeys.keys.delete(key.id, { workspaceId })));
}

/**
 * Creates configurations and permanent keys if there are none yet. A token is shown once, so a later start cannot print
 * those tokens again: it creates keys for the commands that it prints, which expire after a day, and changes no others.
 */
export async function seed(apiKeys: PlatformKeys, now = Date.now()): Promise<Seeded> {
  const acmeKeys = await listAll(apiKeys, ACME);
  const first = acmeKeys.length === 0;
  if (first) {
    for (const [workspaceId, projectId, features] of CONFIGURATIONS) {
      await apiKeys.projects.set(projectId, features, { workspaceId });
    }
  } else {
    await tidy(apiKeys, ACME, acmeKeys, now);
    await tidy(apiKeys, GLOBEX, await listAll(apiKeys, GLOBEX), now);
  }

  const started = `start of ${new Date(now).toISOString().slice(0, 16)}Z`;
  const each = { createdBy: EACH_START, note: started, expiresIn: DAY };
  const forRole = (role: Role) => mint(apiKeys, role, first ? { createdBy: FIRST_START } : each);
  const keys = {
    everything: await forRole(ROLES.everything),
    oneAgent: await forRole(ROLES.oneAgent),
    noConversations: await forRole(ROLES.noConversations),
    otherWorkspace: await forRole(ROLES.otherWorkspace),
  };
  return {
    first,
    keys,
    shortLived: await mint(apiKeys, ROLES.everything, {
      createdBy: EACH_START,
      note: 'for 5 minutes',
      expiresIn: 5 * MINUTE,
    }),
    earlier: acmeKeys.filter((key) => key.createdBy !== EACH_START),
  };
}
