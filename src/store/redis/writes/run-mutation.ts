import { KeyscopeError } from '../../../errors';
import type { Connection } from '../connection';
import { isRefusal, refusalCode, unavailable } from '../errors';
import type { RunScript, ScriptName } from '../scripts';

/** One run of a script that changes something. */
export interface ScriptRun {
  readonly script: ScriptName;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** When its caller began to wait, on the clock of `performance.now()`. */
  readonly since: number;
  /** Tells those who remember what may have changed. */
  readonly notify: () => void;
}

export type RunMutation = (change: ScriptRun) => Promise<string[]>;

const OUTCOME_UNKNOWN = 'The change may or may not have been made: look before you try again.';

/**
 * Makes changes, each answered within `timeout` milliseconds, whatever the client and the server do. A change that could
 * not be sent in time is never sent. One that was sent and not answered is in doubt, and its error says so.
 *
 * Who remembers is told before the caller hears of the outcome, and told too where there is no outcome; where one comes
 * later, they are told again.
 */
export function createRunMutation(connection: Connection, runScript: RunScript, timeout: number): RunMutation {
  return function runMutation({ script, keys, args, since, notify }) {
    return new Promise((resolve, reject) => {
      if (connection.isEnded) {
        reject(unavailable('The connection to the key store has been closed. Nothing was changed.'));
        return;
      }
      let sent = false;

      function timeOut() {
        if (sent) {
          notify();
          reject(unavailable(`The key store did not answer within ${timeout} ms. ${OUTCOME_UNKNOWN}`));
        } else {
          callOff();
          reject(unavailable(`The key store could not be reached within ${timeout} ms. Nothing was changed.`));
        }
      }

      function succeed(reply: unknown) {
        clearTimeout(timer);
        notify();
        if (Array.isArray(reply)) resolve(reply);
        else reject(unavailable(`The key store gave an answer that means nothing. ${OUTCOME_UNKNOWN}`));
      }

      function fail(error: unknown) {
        clearTimeout(timer);
        notify();
        if (error instanceof KeyscopeError) {
          reject(error);
          return;
        }
        const message = isRefusal(error)
          ? `The key store refused the change (${refusalCode(error)}).`
          : `The connection to the key store was lost. ${OUTCOME_UNKNOWN}`;
        reject(unavailable(message, error));
      }

      // Not unref'd: someone awaits an answer, and a process that ends before it would never tell.
      const timer = setTimeout(timeOut, Math.max(0, timeout - (performance.now() - since)));
      const callOff = connection.whenReady(function send() {
        sent = true;
        runScript(script, [...keys, ...args]).then(succeed, fail);
      });
    });
  };
}
