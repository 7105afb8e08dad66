import { OUTBOX_LIMIT } from '../../outbox-store';
import { SELECT_DATABASE } from './common.lua';

/**
 * Schedules keys. Creates the outbox of the slot if there is none: schedules are found by their outboxes.
 *
 * KEYS: 1 schedule, 2 outbox. ARGV: 1 database, 2 the entry of the outbox that sets the expiry, which is acknowledged, or
 * `NX` for keys that are not scheduled, from 3 on times and ids.
 */
export const SCHEDULE_EXPIRIES = `${SELECT_DATABASE}
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('XGROUP', 'CREATE', KEYS[2], 'expiry', '0', 'MKSTREAM') end
if ARGV[2] ~= 'NX' and redis.call('XACK', KEYS[2], 'expiry', ARGV[2]) == 0 then return end
for i = 3, #ARGV, 2 do
  if ARGV[2] == 'NX' then redis.call('ZADD', KEYS[1], 'NX', ARGV[i], ARGV[i + 1])
  else redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
`;

/** KEYS: 1 schedule. ARGV: 1 database, 2 now, 3 count. Replies with ids and times. */
export const DUE_EXPIRIES = `${SELECT_DATABASE}
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
`;

/**
 * KEYS: 1 schedule, 2 outbox. ARGV: 1 database, 2 id, 3 its time as it was read, 4 the next time, or empty, from 5 on events.
 */
export const CLAIM_EXPIRY = `${SELECT_DATABASE}
local due = redis.call('ZSCORE', KEYS[1], ARGV[2])
if not due or tonumber(due) ~= tonumber(ARGV[3]) then return 0 end
for i = 5, #ARGV do redis.call('XADD', KEYS[2], 'MAXLEN', '~', ${OUTBOX_LIMIT}, '*', 'event', ARGV[i]) end
if ARGV[4] == '' then redis.call('ZREM', KEYS[1], ARGV[2])
else redis.call('ZADD', KEYS[1], ARGV[4], ARGV[2]) end
return 1
`;

/** Whether missing keys were scheduled in the last day. KEYS: 1 the mark. ARGV: 1 database, 2 milliseconds to set it for, or 0. */
export const MARK_SCHEDULED = `${SELECT_DATABASE}
if ARGV[2] ~= '0' then redis.call('SET', KEYS[1], '1', 'PX', ARGV[2]) end
return redis.call('EXISTS', KEYS[1])
`;
