import { createHash } from 'node:crypto';
import { KeyscopeError } from '../../errors';
import { Deadline } from '../../timeout';
import type { RedisClient } from './client';
import { databaseOf } from './client-database';
import type { Connection } from './connection';

/** Upper bound on unanswered calls. The client keeps them in its memory: a frozen server must not fill it. */
const MAX_UNANSWERED = 10_000;

export interface ClientScriptOptions {
  readonly client: RedisClient;
  readonly connection: Connection;
  /** Milliseconds. */
  readonly storeTimeout: number;
  /** Whether the server that commands go to has been replaced. */
  readonly isServerReplaced: () => boolean;
}

interface Script {
  /** Part of the name of the command that the client gets. */
  readonly name: string;
  /** Begins with `SELECT_DATABASE`: its first argument is the database. */
  readonly lua: string;
  readonly numberOfKeys: number;
  /** The error for a script that did not run, or whose reply is missing. */
  readonly toError: (cause: unknown) => KeyscopeError;
}

export type RunClientScript = (keys: readonly string[], ...args: readonly string[]) => Promise<unknown>;

/**
 * Runs scripts over the caller's client. It can resend a script, or send it late: the scripts must allow for both. Each
 * call settles within `storeTimeout`. The script is defined at the first call.
 */
export function createClientScripts({ client, connection, storeTimeout, isServerReplaced }: ClientScriptOptions) {
  const database = String(databaseOf(client));
  /** Calls in flight, each with a function that rejects it. */
  const unanswered = new Set<() => void>();
  connection.onLoss(() => {
    for (const fail of [...unanswered]) fail();
  });
  const methods = client as unknown as Record<string, (...args: readonly string[]) => Promise<unknown>>;

  function send(command: string, args: readonly string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = () => {
        unanswered.delete(fail);
        reject(new Error('Connection is closed.'));
      };
      unanswered.add(fail);
      methods[command]!(...args)
        .then(resolve, reject)
        .finally(() => unanswered.delete(fail));
    });
  }

  return function defineScript({ name, lua, numberOfKeys, toError }: Script): RunClientScript {
    // The digest keeps two versions of this package on one client from running each other's script.
    const command = `keyscope_${name}_${createHash('sha1').update(lua).digest('hex').slice(0, 8)}`;
    let isDefined = false;
    return async function run(keys, ...args) {
      const deadline = new Deadline(storeTimeout);
      if (!isDefined) {
        client.defineCommand(command, { lua, numberOfKeys });
        isDefined = true;
      }
      try {
        if (!connection.isReady) await connection.waitUntilReady(storeTimeout);
        if (isServerReplaced()) throw new Error('A server has been replaced.');
        if (unanswered.size >= MAX_UNANSWERED) throw new Error('Too many calls are unanswered.');
        return await deadline.within(send(command, [...keys, database, ...args]));
      } catch (error) {
        throw error instanceof KeyscopeError ? error : toError(error);
      }
    };
  };
}

export type DefineClientScript = ReturnType<typeof createClientScripts>;
