import { SELECT_DATABASE } from './common.lua';

/**
 * One step of a filtered list or a search. It reads only the columns that the conditions need, and returns the positions
 * of keys that may match. The caller compares their records with the conditions. A key whose record cannot be read here,
 * or lacks a column, may match.
 *
 * It ends after a number of positions or records, because Redis runs no other command during it. Records are in the
 * index's slot, and too many to be declared.
 *
 * KEYS: 1 index. ARGV: 1 database, 2 and 3 bounds, 4 `REV` or empty, 5 positions, 6 records, and 7 matches after which it
 * ends, 8 search or empty, 9 `id` if ids are searched, 10 `masked` if masked tokens are, 11 common part of the names of
 * records, 12 the same of usage, 13 time since which a key must not have been used, or empty, from 14 on conditions:
 * column, test and value.
 *
 * Returns whether the index has ended, the last position that was examined, and the matching positions.
 */
export const SCAN_KEYS = String.raw`${SELECT_DATABASE}
local call, pcall, find, sub, lower = redis.call, redis.pcall, string.find, string.sub, string.lower
local command = ARGV[4] == 'REV' and 'ZREVRANGEBYLEX' or 'ZRANGEBYLEX'
local most, records, wanted, search = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local in_ids, in_masked, prefix, used_since = ARGV[9] ~= '', ARGV[10] ~= '', ARGV[11], tonumber(ARGV[13])
local stars = string.rep('*', 12)

local fields, tests, values = {}, {}, {}
for i = 14, #ARGV, 3 do
  fields[#fields + 1], tests[#tests + 1], values[#values + 1] = ARGV[i], ARGV[i + 1], ARGV[i + 2]
end
local has_conditions = #fields > 0
local conditions = #fields
if in_masked then
  fields[conditions + 1], fields[conditions + 2] = 'prefix', 'last4'
end

local function holds(stored, test, value)
  if test == 'is' then return stored == value end
  if test == 'is not' then return stored ~= value end
  if test == 'has' then return find(stored, value, 1, true) end
  local number, bound = tonumber(stored), tonumber(value)
  if not number then return true end
  if test == 'after' then return number > bound end
  return number <= bound
end

local function is_masked(id, first, last)
  if not first or not last then return true end
  return find(lower(first .. '_' .. sub(id, 1, 8) .. stars .. last), search, 1, true)
    or find(lower(first .. stars .. last), search, 1, true)
end

local function may_match(id, is_found)
  local stored = pcall('HMGET', prefix .. id, unpack(fields))
  if stored.err then return true end
  for i = 1, conditions do
    if stored[i] and not holds(stored[i], tests[i], values[i]) then return false end
  end
  return is_found or is_masked(id, stored[conditions + 1], stored[conditions + 2])
end

local function may_be_unused(id)
  local last = pcall('HGET', ARGV[12] .. id, 'last')
  return not last or type(last) == 'table' or (tonumber(last) or 0) < used_since
end

local positions = call(command, KEYS[1], ARGV[2], ARGV[3], 'LIMIT', '0', ARGV[5])
local read, matches, examined = 0, {}, 0
for i, position in ipairs(positions) do
  if read >= records or #matches >= wanted then break end
  examined = i
  local nul = find(position, '\0', 1, true) or 0
  local is_found = search == '' or find(position, search, nul + 18, true)
  local id
  if not is_found and in_ids then
    id = sub(position, nul + 1, nul + 16)
    is_found = find(lower(id), search, 1, true)
  end
  local is_match = is_found or in_masked
  if is_match and (has_conditions or used_since or not is_found) then
    id = id or sub(position, nul + 1, nul + 16)
    if has_conditions or not is_found then
      read = read + 1
      is_match = may_match(id, is_found)
    end
    if is_match and used_since then
      read = read + 1
      is_match = may_be_unused(id)
    end
  end
  if is_match then matches[#matches + 1] = position end
end
local has_ended = examined == #positions and #positions < most
return { has_ended and 1 or 0, positions[examined] or '', unpack(matches) }
`;
