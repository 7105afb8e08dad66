import type { Agents, KeyRecord } from '../store/records';

/** Permissions and agents of a key. Deeply frozen. */
export interface Scope<Permission extends string = string> {
  /** `'all'`: every agent (= project) of the key's workspace, now and later. Otherwise exactly these. */
  readonly agents: Agents;
  /** Whether the key covers this agent. False for anything but a string, whatever the key. */
  allowsAgent(id: string): boolean;
  /** Whether the key has this permission. */
  has(permission: Permission): boolean;
}

/** Creates the scope of a key, once per record. Sets make its checks independent of its size and of inherited names. */
export function createScope(record: Pick<KeyRecord, 'agents' | 'permissions'>): Scope {
  const permissions: ReadonlySet<string> = new Set(record.permissions);
  const has = (permission: string) => permissions.has(permission);
  if (record.agents === 'all') {
    return Object.freeze({ agents: 'all', allowsAgent: (id: string) => typeof id === 'string', has });
  }
  const agents = Object.freeze([...record.agents]);
  const covered: ReadonlySet<string> = new Set(agents);
  return Object.freeze({ agents, allowsAgent: (id: string) => covered.has(id), has });
}
