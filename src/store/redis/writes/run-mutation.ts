import { KeyscopeError } from '../../../errors';
import type { Connection } from '../connection';
import { isRefusal, refusalCode, unavailable } from '../errors';
import type { RunScript, ScriptName } from '../scripts';

/** One run of a script that changes something. */
export interface Change {
  readonly script: ScriptName;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** When its caller began to wait, on the clock of `performance.now()`. */
  readonly since: number;
  /** Tells those who remember what may have changed. */
  readonly tell: () => void;
}

export type MakeChange = (change: Change) => Promise<string[]>;

const IN_DOUBT = 'The change may or may not have been made: look before you try again.';

/**
 * Makes changes, each answered within `timeout` milliseconds, whatever the client and the server do. A change that could
 * not be sent in time is never sent. One that was sent and not answered is in doubt, and its error says so.
 *
 * Who remembers is told before the caller hears of the outcome, and told too where there is no outcome; where one comes
 * later, they are told again.
 */
export function createMakeChange(connection: Connection, runScript: RunScript, timeout: number): MakeChange {
  return function makeChange({ script, keys, args, since, tell }) {
    return new Promise((resolve, reject) => {
      if (connection.isOver) {
        reject(unavailable('The connection to the key store has been closed. Nothing was changed.'));
        return;
      }
      let sent = false;

      function giveUp() {
        if (sent) {
          tell();
          reject(unavailable(`The key store did not answer within ${timeout} ms. ${IN_DOUBT}`));
        } else {
          callOff();
          reject(unavailable(`The key store could not be reached within ${timeout} ms. Nothing was changed.`));
        }
      }

      function succeed(reply: unknown) {
        clearTimeout(timer);
        tell();
        if (Array.isArray(reply)) resolve(reply);
        else reject(unavailable(`The key store gave an answer that means nothing. ${IN_DOUBT}`));
      }

      function fail(error: unknown) {
        clearTimeout(timer);
        tell();
        if (error instanceof KeyscopeError) {
          reject(error);
          return;
        }
        const message = isRefusal(error)
          ? `The key store refused the change (${refusalCode(error)}).`
          : `The connection to the key store was lost. ${IN_DOUBT}`;
        reject(unavailable(message, error));
      }

      // Not unref'd: someone awaits an answer, and a process that ends before it would never tell.
      const timer = setTimeout(giveUp, Math.max(0, timeout - (performance.now() - since)));
      const callOff = connection.whenReady(function send() {
        sent = true;
        runScript(script, [...keys, ...args]).then(succeed, fail);
      });
    });
  };
}
