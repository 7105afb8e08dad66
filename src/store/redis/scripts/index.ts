import { createHash } from 'node:crypto';
import type { RedisClient } from '../client';
import { LINK_ALIAS, UNLINK_ALIAS } from './imported-tokens.lua';
import { CLEAR_PROJECT, CREATE_KEY, DELETE_KEY, ROTATE_KEY, SET_PROJECT, UPDATE_KEY } from './keys.lua';
import { ADD_USAGE } from './usage.lua';

export const SCRIPTS = {
  createKey: { lua: CREATE_KEY, numberOfKeys: 5 },
  updateKey: { lua: UPDATE_KEY, numberOfKeys: 5 },
  deleteKey: { lua: DELETE_KEY, numberOfKeys: 6 },
  rotateKey: { lua: ROTATE_KEY, numberOfKeys: 6 },
  setProject: { lua: SET_PROJECT, numberOfKeys: 2 },
  clearProject: { lua: CLEAR_PROJECT, numberOfKeys: 2 },
  linkAlias: { lua: LINK_ALIAS, numberOfKeys: 1 },
  unlinkAlias: { lua: UNLINK_ALIAS, numberOfKeys: 1 },
  addUsage: { lua: ADD_USAGE, numberOfKeys: 2 },
} as const;

export type ScriptName = keyof typeof SCRIPTS;

/** Runs a script on the caller's client: its keys, then its arguments. */
export type RunScript = (name: ScriptName, keysAndArguments: readonly string[]) => Promise<unknown>;

/**
 * Teaches the client our scripts. Their names there end in a part of their digest, so that two versions of this package
 * on one client do not run each other's.
 */
export function defineScripts(client: RedisClient): RunScript {
  const names = new Map<ScriptName, string>();
  for (const [name, script] of Object.entries(SCRIPTS) as [ScriptName, (typeof SCRIPTS)[ScriptName]][]) {
    const command = `keyscope_${name}_${createHash('sha256').update(script.lua).digest('hex').slice(0, 8)}`;
    client.defineCommand(command, script);
    names.set(name, command);
  }
  const methods = client as unknown as Record<string, (...args: readonly string[]) => Promise<unknown>>;
  return (name, keysAndArguments) => methods[names.get(name) as string]!(...keysAndArguments);
}
