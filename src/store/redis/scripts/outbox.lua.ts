import { SELECT_DATABASE } from './common.lua';

/**
 * Makes a process the leader of a group, or extends its leadership. Replies with the time from which a new group gets
 * events, in milliseconds by the server's clock; nil if another process leads.
 *
 * KEYS: 1 leader, 2 since. ARGV: 1 database, 2 process, 3 milliseconds of leadership, 4 milliseconds since it subscribed.
 */
export const LEAD_GROUP = `${SELECT_DATABASE}
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[2] then return false end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
local since = redis.call('GET', KEYS[2])
if not since then
  local time = redis.call('TIME')
  since = string.format('%.0f', math.max(0, time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[4])))
  redis.call('SET', KEYS[2], since)
end
return since
`;

/** KEYS: 1 leader. ARGV: 1 database, 2 process. */
export const LEAVE_GROUP = `${SELECT_DATABASE}
if redis.call('GET', KEYS[1]) == ARGV[2] then redis.call('DEL', KEYS[1]) end
`;

/**
 * Reads an outbox, and creates the group in it if it is new there. Replies with entries of the stream. Those that have
 * been removed have no fields. The entry 0-0 stands for those that were removed before the group has read them: then more
 * are unread than there are (from Redis 7 on, which counts them). The count is corrected, so that it is found once.
 *
 * KEYS: 1 outbox. ARGV: 1 database, 2 group, 3 time from which a new group gets events, 4 count, 5 `>` for new entries, or
 * the id after which unacknowledged entries begin.
 */
export const READ_OUTBOX = `${SELECT_DATABASE}
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
local created = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[2], ARGV[3] .. '-0')
if created.err and not string.find(created.err, 'BUSYGROUP') then return created end
local entries = {}
if ARGV[5] == '>' then
  local length = redis.call('XLEN', KEYS[1])
  for _, fields in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local info = {}
    for i = 1, #fields, 2 do info[fields[i]] = fields[i + 1] end
    if info.name == ARGV[2] and info['entries-read'] and info.lag and info.lag > length then
      local added = info['entries-read'] + info.lag
      redis.call('XGROUP', 'SETID', KEYS[1], ARGV[2], info['last-delivered-id'], 'ENTRIESREAD', added - length)
      entries[1] = {'0-0', false}
    end
  end
end
local reply = redis.call('XREADGROUP', 'GROUP', ARGV[2], 'leader', 'COUNT', ARGV[4], 'STREAMS', KEYS[1], ARGV[5])
for _, entry in ipairs(reply and reply[1][2] or {}) do entries[#entries + 1] = entry end
return entries
`;

/** KEYS: 1 outbox. ARGV: 1 database, 2 group, from 3 on the ids of entries. */
export const ACKNOWLEDGE = `${SELECT_DATABASE}
return redis.pcall('XACK', KEYS[1], ARGV[2], unpack(ARGV, 3))
`;
