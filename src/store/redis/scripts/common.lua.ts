import { OUTBOX_LIMIT } from '../../outbox-store';

/**
 * Parts that all scripts for changes share. A script checks, then changes record, indexes and audit log, in one
 * atomic step. The rules:
 *
 * - Redis does not roll back. Everything that can fail (a missing field, a key of another type) is computed before the
 *   first write.
 * - When `maxmemory` is reached, Redis rejects a script's writes only up to the first one that takes no memory. All
 *   later writes succeed (`scriptVerifyOOM`; `lua_oom` before 7.0). So scripts that create begin with HSET and fail as
 *   a whole. Scripts that can remove permissions begin with DEL or HDEL and succeed: revoking must not need memory.
 * - A script can arrive late. It does nothing after its deadline (`late`). It also does nothing if the state that its
 *   caller read has changed since (`stale`). A key's state is identified by `op`, which is random for each change. A
 *   deletion is identified by an entry of its own, kept for a day, because the deleted record cannot hold it. Without
 *   that entry, a late creation would undo the deletion.
 *
 * ARGV of all: 1 deadline in milliseconds by the server's clock, or empty, 2 op, 3 at, 4 actor, 5 source, 6 limit of
 * the audit log.
 */

/** Seconds for which the entry of a deletion is kept. No copy of a change is in transit for longer. */
const DELETED_FOR = 86_400;

/** Rejects keys whose type is not the one in TYPES. */
export const CHECK_TYPES = `
for i, name in ipairs(KEYS) do
  local type = redis.call('TYPE', name).ok
  if type ~= 'none' and type ~= TYPES[i] then
    return redis.error_reply('WRONGTYPE ' .. name .. ' should be a ' .. TYPES[i] .. ', but is a ' .. type)
  end
end
`;

/**
 * Runs a script that is sent on the caller's client in the client's own database, although the app can have selected
 * another one. Redis keeps the app's selection. A user who may not run SELECT has selected none.
 *
 * ARGV: 1 the database.
 */
export const SELECT_DATABASE = `
redis.pcall('SELECT', ARGV[1])
`;

export const CHECK_DEADLINE = `
if ARGV[1] ~= '' then
  local now = redis.call('TIME')
  if now[1] * 1000 + now[2] / 1000 > tonumber(ARGV[1]) then return { 'late' } end
end
`;

/**
 * Adds an entry to the audit log, and to its hash chain (see `store/audit-chain.ts`): `previous` is the head of the chain
 * before the entry. The id in it is the stream's last one, so the entry also tells that the newest entry was removed. It is
 * read before the first write of the script. The audit log is the last stream in TYPES and KEYS.
 */
export const AUDIT = `
local stream, previous = nil, ''
for i, type in ipairs(TYPES) do
  if type == 'stream' then stream = KEYS[i] end
end
if redis.call('EXISTS', stream) == 1 then
  local info, hash = redis.call('XINFO', 'STREAM', stream), ''
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then previous = info[i + 1] end
    if info[i] == 'last-entry' and info[i + 1] then
      local fields = info[i + 1][2]
      if fields[#fields - 1] == 'hash' then hash = fields[#fields] end
    end
  end
  previous = previous .. ':' .. hash
end

local function audit(action, target, name, before, after)
  local fields = { 'previous', previous, 'at', ARGV[3], 'actor', ARGV[4], 'source', ARGV[5], 'action', action,
    'target', target, 'name', name, 'before', before, 'after', after }
  local parts = {}
  for i, text in ipairs(fields) do parts[i] = #text .. ':' .. text end
  fields[#fields + 1] = 'hash'
  fields[#fields + 1] = redis.sha1hex(table.concat(parts))
  redis.call('XADD', stream, 'MAXLEN', '~', ARGV[6], '*', unpack(fields))
end
`;

/**
 * Adds an event of the change to the outbox (see `store/outbox-store.ts`). Its id is the change's op, which is random.
 * The outbox comes before the audit log in TYPES and KEYS.
 */
export const EMIT = `
local function emit(outbox, workspace, action, target, name, before, after)
  local members = { '"id":' .. cjson.encode(ARGV[2]), '"type":"' .. action .. '"', '"at":' .. ARGV[3],
    '"workspaceId":' .. cjson.encode(workspace), '"target":' .. cjson.encode(target), '"name":' .. name,
    '"actor":' .. ARGV[4], '"source":' .. ARGV[5], '"before":' .. before, '"after":' .. after }
  redis.call('XADD', outbox, 'MAXLEN', '~', ${OUTBOX_LIMIT}, '*', 'event', '{' .. table.concat(members, ',') .. '}')
end
`;

export const REMEMBER_DELETION = `
local function remember_deletion(name)
  redis.call('SET', name, ARGV[2], 'EX', ${DELETED_FOR})
end
`;
