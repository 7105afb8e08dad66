import type { KeyscopeError } from '../../../errors';
import type { LimitStore } from '../../limit-store';
import type { DefineClientScript } from '../client-script';
import { isRefusal, refusalCode, unavailable } from '../errors';
import type { KeyNames } from '../key-names';
import { LEASE_SLICE } from '../scripts/limits.lua';

function notLeased(cause: unknown): KeyscopeError {
  const reason = isRefusal(cause) ? `refused it (${refusalCode(cause)})` : 'could not be reached';
  return unavailable(`The rate limit could not be checked: the key store ${reason}. Try again.`, cause);
}

/** Leases allowance. The script allows for requests that are resent or late. */
export function createLeaseSlice(defineScript: DefineClientScript, keyNames: KeyNames): LimitStore['leaseSlice'] {
  const run = defineScript({ name: 'leaseSlice', lua: LEASE_SLICE, numberOfKeys: 1, toError: notLeased });

  return async function leaseSlice({ subject, limit, lessee, sequence, window, used, leased, ...request }) {
    const numbers = [sequence, window, used, leased, request.wanted, request.ahead].map(String);
    const args = [String(limit.window), String(limit.limit), lessee, ...numbers];
    const reply = await run([keyNames.limit(subject, limit.window)], ...args, request.release ? 'release' : '');
    const [present, endsIn, granted, free] = Array.isArray(reply) ? reply.map(Number) : [];
    if (!Number.isFinite(free)) throw notLeased(new Error('Unexpected reply.'));
    return { window: present!, endsIn: endsIn!, leased: granted!, free: free! };
  };
}
