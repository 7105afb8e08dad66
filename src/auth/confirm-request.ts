import type { Request } from 'express';
import { readValid } from '../cache/read-valid';
import type { Clock } from '../clock';
import { KeyscopeError } from '../errors';
import type { Deadline } from '../timeout';
import { abortReasonOf, type EntryCaches } from './entry-use';
import type { RequestContext } from './request-context';

/**
 * Decides again about the requirements that a request has passed. For middleware that has waited for the store: the lease
 * under which `requireApiKey` has accepted the request can have ended since. Resolves with the error of a request that is
 * denied now, or that the store could not confirm; else null.
 *
 * @param deadline - The one that the middleware has waited by.
 */
export type ConfirmRequest = (
  context: RequestContext,
  req: Request,
  deadline: Deadline,
) => Promise<KeyscopeError | null>;

export function createConfirmRequest(deps: {
  readonly caches: EntryCaches;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly storeTimeout: number;
}): ConfirmRequest {
  const { caches, clock } = deps;

  return function confirmRequest(context, req, deadline) {
    const passed = context.passed?.() ?? [];

    async function read(isOwn: boolean) {
      const rereads = await Promise.all(passed.map((each) => each.readAgain(caches, { req, isOwn, clock })));
      return { rereads, isValid: (wall: number) => rereads.every((each) => each.isValid(wall)) };
    }

    return readValid(read, { ...deps, deadline }, (outcome) => {
      if (outcome instanceof KeyscopeError) return outcome;
      const wall = clock.wall();
      for (const [index, reread] of outcome.rereads.entries()) {
        const denial = reread.denial(wall);
        if (denial === null) continue;
        passed[index]!.emitEnded(denial.reason, { req });
        return abortReasonOf(denial);
      }
      return null;
    });
  };
}
