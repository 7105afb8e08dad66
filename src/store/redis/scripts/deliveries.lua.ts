import { MAX_FAILED, MAX_WAITING } from '../../delivery-store';
import { SELECT_DATABASE } from './common.lua';

/** KEYS of all: 1 deliveries by id, 2 ids by the time when they are due, 3 ids by the time of their failure. */
const KEYS = `${SELECT_DATABASE}
local deliveries, waiting, failed = KEYS[1], KEYS[2], KEYS[3]
`;

/** ARGV: 1 database, 2 `new`, `retry` or `failed`, 3 id, 4 time, 5 the delivery. */
export const PUT_DELIVERY = `${KEYS}
local state = ARGV[2]
if state == 'new' then
  if redis.call('HEXISTS', deliveries, ARGV[3]) == 1 then return end
  if redis.call('ZCARD', waiting) >= ${MAX_WAITING} then state = 'failed' end
end
redis.call('HSET', deliveries, ARGV[3], ARGV[5])
if state ~= 'failed' then
  redis.call('ZREM', failed, ARGV[3])
  redis.call('ZADD', waiting, ARGV[4], ARGV[3])
  return
end
redis.call('ZREM', waiting, ARGV[3])
redis.call('ZADD', failed, ARGV[4], ARGV[3])
local surplus = redis.call('ZCARD', failed) - ${MAX_FAILED}
if surplus > 0 then
  for _, id in ipairs(redis.call('ZRANGE', failed, 0, surplus - 1)) do
    redis.call('ZREM', failed, id)
    redis.call('HDEL', deliveries, id)
  end
end
`;

/** ARGV: 1 database, 2 id. */
export const REMOVE_DELIVERY = `${KEYS}
if redis.call('ZREM', waiting, ARGV[2]) == 1 then redis.call('HDEL', deliveries, ARGV[2]) end
`;

/** ARGV: 1 database, 2 now, 3 count. Replies with deliveries. */
export const DUE_DELIVERIES = `${KEYS}
local found = {}
for i, id in ipairs(redis.call('ZRANGEBYSCORE', waiting, '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])) do
  found[i] = redis.call('HGET', deliveries, id)
end
return found
`;

/**
 * ARGV: 1 database, 2 first, 3 last, 4 a workspace, or empty for all. Replies with the number of examined deliveries, then
 * times and deliveries that match, the latest first.
 */
export const FAILED_DELIVERIES = `${KEYS}
local ids = redis.call('ZREVRANGE', failed, ARGV[2], ARGV[3], 'WITHSCORES')
local found = { #ids / 2 }
for i = 1, #ids, 2 do
  local text = redis.call('HGET', deliveries, ids[i])
  if ARGV[4] == '' or cjson.decode(text).event.workspaceId == ARGV[4] then
    found[#found + 1] = ids[i + 1]
    found[#found + 1] = text
  end
end
return found
`;

/** ARGV: 1 database, 2 id. Replies with the delivery; nil if it has not failed. */
export const FAILED_DELIVERY = `${KEYS}
return redis.call('ZSCORE', failed, ARGV[2]) and redis.call('HGET', deliveries, ARGV[2])
`;
