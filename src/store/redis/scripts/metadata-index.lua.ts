import { SELECT_DATABASE } from './common.lua';
import { POSITIONS } from './positions.lua';

/**
 * Brings the index of one name of metadata up to date, or a step closer. The index is derived: it follows the audit log, so that
 * also changes of processes that know nothing of it are in it. If the entry up to which it has followed is gone, it is
 * built again: a walk over all keys of the workspace, then, if it had entries before, a sweep of those that the walk has not met.
 *
 * Records and sorted sets are in the slot of the workspace, and too many to be declared.
 *
 * KEYS: 1 audit log, 2 index of all keys by creation, 3 state of this index (hash), 4 its entries by the ids of keys (hash).
 * ARGV: 1 database, 2 common part of the names of records, 3 the same of the sorted sets, 4 the name, 5 steps,
 * 6 the workspace.
 *
 * Returns 1 if the index is up to date, 0 if it is not yet, 2 if there is no audit log.
 */
export const FOLLOW_METADATA = String.raw`${SELECT_DATABASE}${POSITIONS}
local call, try = redis.call, pcall
local log, keys, state, entries = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local SORTS = { 'created', 'name', 'expires' }
local left = tonumber(ARGV[5])
local mark, walk, generation = unpack(call('HMGET', state, 'mark', 'walk', 'generation'))

local last
if call('EXISTS', log) == 1 then
  local info = call('XINFO', 'STREAM', log)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
  end
end
if not last then return 2 end

local function each_position(command, entry)
  for i, sort in ipairs(SORTS) do
    local set = ARGV[3] .. entry[2] .. ':' .. sort
    if command == 'ZADD' then call('ZADD', set, 0, entry[2 + i]) else call('ZREM', set, entry[2 + i]) end
  end
end

-- The entry of a key: generation, digest of the value, and the positions. Nil without a value.
local function entry_of(id)
  local stored = redis.pcall('HMGET', ARGV[2] .. id, 'workspaceId', 'metadata', 'folded', 'createdAt', 'expiresAt')
  if stored.err or stored[1] ~= ARGV[6] or not stored[2] then return nil end
  local is_json, metadata = try(cjson.decode, stored[2])
  local value = is_json and type(metadata) == 'table' and metadata[ARGV[4]]
  if type(value) ~= 'string' then return nil end
  local record = { id = id, folded = stored[3] or '', createdAt = stored[4] or '0', expiresAt = stored[5] or '0' }
  return { generation, redis.sha1hex(value), unpack(positions(record)) }
end

local function follow(id)
  left = left - 1
  local before, entry = call('HGET', entries, id), entry_of(id)
  local text = entry and cjson.encode(entry)
  if text == (before or nil) then return end
  if before then each_position('ZREM', cjson.decode(before)) end
  if not entry then
    call('HDEL', entries, id)
    return
  end
  each_position('ZADD', entry)
  call('HSET', entries, id, text)
end

if mark and mark ~= last and #call('XRANGE', log, mark, mark) == 0 then mark = nil end
if not mark then
  generation = table.concat(call('TIME'), '.')
  mark, walk = last, '-'
  local sweeps = call('EXISTS', entries)
  call('HSET', state, 'mark', mark, 'walk', walk, 'generation', generation, 'sweeps', sweeps)
end

if mark ~= last then
  local changes = call('XRANGE', log, '(' .. mark, '+', 'COUNT', left)
  local is_end = #changes < left
  for _, change in ipairs(changes) do
    local entry = {}
    for i = 1, #change[2], 2 do entry[change[2][i]] = change[2][i + 1] end
    if string.sub(entry.action, 1, 4) == 'key.' then
      follow(entry.target)
      local successor = string.match(entry.after, '"rotatedTo":"(%w+)"')
      if successor then follow(successor) end
    end
    mark = change[1]
  end
  if is_end then mark = last end
  call('HSET', state, 'mark', mark)
  if not is_end then return 0 end
end

if walk and string.sub(walk, 1, 6) ~= 'sweep:' then
  if left <= 0 then return 0 end
  local met = call('ZRANGEBYLEX', keys, walk == '-' and '-' or '(' .. walk, '+', 'LIMIT', 0, left)
  local is_end = #met < left
  for _, position in ipairs(met) do
    local nul = string.find(position, '\0', 1, true)
    follow(string.sub(position, nul + 1, nul + 16))
    walk = position
  end
  if is_end and call('HGET', state, 'sweeps') == '0' then
    call('HDEL', state, 'walk')
    return 1
  end
  if is_end then walk = 'sweep:0' end
  call('HSET', state, 'walk', walk)
end
if not walk then return 1 end
if left <= 0 then return 0 end
local cursor, found = unpack(call('HSCAN', entries, string.sub(walk, 7), 'COUNT', left))
for i = 1, #found, 2 do
  if cjson.decode(found[i + 1])[1] ~= generation then
    each_position('ZREM', cjson.decode(found[i + 1]))
    call('HDEL', entries, found[i])
  end
end
if cursor == '0' then
  call('HDEL', state, 'walk')
  return 1
end
call('HSET', state, 'walk', 'sweep:' .. cursor)
return 0
`;
