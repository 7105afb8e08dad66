import { CHECK_TYPES, SELECT_DATABASE } from './common.lua';

/** Fields of a counter at which those of its lessees are removed: many processes were killed in a long window. */
const MAX_FIELDS = 1000;

/**
 * Leases allowance of the present window to a lessee, or releases it (see `SliceRequest`). The counter has the number of
 * its window, the allowance that is leased in total, and for each lessee the sequence of its last request and its own
 * part. It is removed when the window ends.
 *
 * A request that is not newer than the last changes nothing. Without a field of its lessee, a release changes nothing, and
 * a lease counts what exceeds the allowance that the lessee knows. So no copy of a request gives allowance.
 *
 * KEYS: 1 counter. ARGV: 1 database, 2 milliseconds of a window, 3 limit, 4 lessee, 5 sequence, 6 the lessee's window,
 * 7 used, 8 leased, 9 wanted, 10 ahead, 11 `release` or empty.
 */
export const LEASE_SLICE = `
local TYPES = { 'hash' }
${SELECT_DATABASE}${CHECK_TYPES}
local counter, lessee, length, limit = KEYS[1], ARGV[4], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = math.floor(now / length)

local stored = redis.call('HMGET', counter, 'window', 'leased', lessee)
local before, total, entry = tonumber(stored[1] or ''), 0, false
-- The next window: the clock was set back over its beginning, or a replica with another clock was promoted.
if before == window + 1 then window = before end
if before == window then total, entry = tonumber(stored[2] or '') or 0, stored[3]
elseif before then redis.call('DEL', counter) end

local used, known = 0, 0
if tonumber(ARGV[6]) == window then used, known = tonumber(ARGV[7]), tonumber(ARGV[8]) end
local last, leased = 0, known
if entry then
  local sequence, part = string.match(entry, '^(%d+) (%d+)$')
  last, leased = tonumber(sequence), tonumber(part)
end

if tonumber(ARGV[5]) > last and (entry or ARGV[11] == '') then
  local others = math.max(0, total - leased)
  if ARGV[11] == '' then
    local kept = math.max(used, known)
    local free = math.max(0, limit - others - kept)
    local granted = math.min(tonumber(ARGV[9]), free)
    leased = kept + granted + math.min(tonumber(ARGV[10]), math.floor((free - granted) / 10))
    total = others + leased
    if redis.call('HLEN', counter) > ${MAX_FIELDS} then redis.call('DEL', counter) end
    redis.call('HSET', counter, 'window', window, 'leased', total, lessee, ARGV[5] .. ' ' .. leased)
    redis.call('PEXPIRE', counter, (window + 1) * length - now)
  else
    leased, total = used, others + used
    redis.call('HSET', counter, 'leased', total)
    redis.call('HDEL', counter, lessee)
  end
end
return { window, (window + 1) * length - now, leased, math.max(0, limit - total) }
`;
