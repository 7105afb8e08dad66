import type { Agents, KeyRecord } from '../store/records';

/** What a key may touch. Frozen, all the way down: a handler can ask, not change. */
export interface Scope {
  /** `'all'`: every agent (= project) of the key's workspace, now and later. Otherwise exactly these. */
  readonly agents: Agents;
  /** Whether the key reaches this agent. False for what is not text, whatever the key. */
  allowsAgent(id: string): boolean;
  /** Whether the key has this permission. */
  has(permission: string): boolean;
}

/** The scope of a key, made once per record and asked on every request: sets, hence neither scans nor inherited names. */
export function createScope(record: Pick<KeyRecord, 'agents' | 'permissions'>): Scope {
  const permissions: ReadonlySet<string> = new Set(record.permissions);
  const has = (permission: string) => permissions.has(permission);
  if (record.agents === 'all') {
    return Object.freeze({ agents: 'all', allowsAgent: (id: string) => typeof id === 'string', has });
  }
  const agents = Object.freeze([...record.agents]);
  const reached: ReadonlySet<string> = new Set(agents);
  return Object.freeze({ agents, allowsAgent: (id: string) => reached.has(id), has });
}
