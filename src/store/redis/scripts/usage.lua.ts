import { CHECK_TYPES, SELECT_DATABASE } from './common.lua';

/** Seconds for which a process can resend a batch that was added, and it is not added again. */
const BATCH_RETENTION = 2 * 86_400;
/** The same, if a hash has more fields than counters alone can make: processes then start and stop often. */
const MIN_BATCH_RETENTION = 600;
/** Fields for the counters of 91 days and for some hundred processes. */
const MANY_FIELDS = 1000;

/**
 * Adds the counts of one process for one key. The process resends a batch if it received no reply. So the hash keeps,
 * for each process, the number of the last batch that was added (`b:<process>`: number, time). A batch with that number
 * or a lower one was added before. If the key was deleted before the script runs, it stays deleted, and so do its
 * counts.
 *
 * The first write takes memory: if there is none, Redis rejects the whole script. Nothing after it can fail.
 *
 * KEYS: 1 usage, 2 the key's record. ARGV: 1 database, 2 process, 3 batch, 4 now in seconds, 5 last use in milliseconds,
 * 6 the oldest day to keep, from 7 on counters and how much to add.
 */
export const ADD_USAGE = `
local TYPES = { 'hash', 'hash' }
${SELECT_DATABASE}${CHECK_TYPES}
if redis.call('EXISTS', KEYS[2]) == 0 then return 'gone' end
local usage, now = KEYS[1], tonumber(ARGV[4])
local seen = redis.call('HGET', usage, 'b:' .. ARGV[2])
if seen and tonumber(string.match(seen, '^%d+') or 0) >= tonumber(ARGV[3]) then return 'seen' end
redis.call('HSET', usage, 'b:' .. ARGV[2], ARGV[3] .. ' ' .. ARGV[4])

local is_new_day = false
for i = 7, #ARGV, 2 do
  local count = redis.call('HGET', usage, ARGV[i])
  if not count then is_new_day = true end
  if count and #count < 16 and string.match(count, '^%d+$') then redis.call('HINCRBY', usage, ARGV[i], ARGV[i + 1])
  else redis.call('HSET', usage, ARGV[i], ARGV[i + 1]) end
end
if tonumber(ARGV[5]) > (tonumber(redis.call('HGET', usage, 'last') or 0) or 0) then
  redis.call('HSET', usage, 'last', ARGV[5])
end

local is_full = redis.call('HLEN', usage) > ${MANY_FIELDS}
if is_new_day or is_full then
  local retention = is_full and ${MIN_BATCH_RETENTION} or ${BATCH_RETENTION}
  for _, field in ipairs(redis.call('HKEYS', usage)) do
    if string.sub(field, 1, 2) == 'b:' then
      local at = tonumber(string.match(redis.call('HGET', usage, field), '%d+$') or 0)
      if at < now - retention then redis.call('HDEL', usage, field) end
    elseif field ~= 'last' and field < ARGV[6] then redis.call('HDEL', usage, field) end
  end
end
return 'ok'
`;
