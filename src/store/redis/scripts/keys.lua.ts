import { AUDITED_FIELD_NAMES, COLUMNS, KEY_FIELD_NAMES, REQUIRED } from '../../key-fields';
import { RECORD_VERSION, STORED_KEY_FIELDS } from '../record-codec';
import { AUDIT, CHECK_DEADLINE, CHECK_TYPES, EMIT, REMEMBER_DELETION } from './common.lua';
import { POSITIONS } from './positions.lua';

const luaList = (items: readonly string[]) => `{ ${items.map((item) => `'${item}'`).join(', ')} }`;

const REQUIRED_FIELDS = KEY_FIELD_NAMES.filter((name) => COLUMNS[name].missing === REQUIRED);
/** The stored defaults of columns that a record can lack. */
const DEFAULTS = KEY_FIELD_NAMES.flatMap((name) => {
  const { missing, encode } = COLUMNS[name];
  const text = missing === REQUIRED ? undefined : encode(missing);
  return text === undefined ? [] : [`['${name}'] = '${text}'`];
}).join(', ');
/** Audited columns whose stored value is not JSON. */
const PLAIN_FIELDS = AUDITED_FIELD_NAMES.filter((name) => !COLUMNS[name].isJson);

/**
 * KEYS of all: 1 record, 2 to 4 indexes by creation, name and expiry, 5 outbox, 6 audit log. ROTATE_KEY: 7 the
 * successor's record. CREATE_KEY: 7 the entry of the key's deletion. DELETE_KEY: 7 the entry of the key's deletion, 8 its
 * usage.
 */
const keyScript = (...more: string[]) => `
local TYPES = { 'hash', 'zset', 'zset', 'zset', 'stream', 'stream'${more.map((type) => `, '${type}'`).join('')} }
${CHECK_TYPES}${CHECK_DEADLINE}${AUDIT}${EMIT}${POSITIONS}
local FIELDS = ${luaList(STORED_KEY_FIELDS)}
local REQUIRED = ${luaList(REQUIRED_FIELDS)}
local DEFAULTS = { folded = '', ${DEFAULTS} }
local AUDITED = ${luaList(AUDITED_FIELD_NAMES)}
local PLAIN = ${luaList(PLAIN_FIELDS)}

local function from_pairs(list, first)
  local record = {}
  for i = first, #list, 2 do record[list[i]] = list[i + 1] end
  return record
end

local function to_pairs(record)
  local list = {}
  for field, value in pairs(record) do
    list[#list + 1] = field
    list[#list + 1] = value
  end
  return list
end

-- The script's record; nil if there is none, or if it belongs to another workspace. Missing fields take their defaults.
-- Fields that this version does not know are part of it, and stay in the stored record.
local function load(workspace)
  local flat = redis.call('HGETALL', KEYS[1])
  if #flat == 0 then return nil end
  local record = from_pairs(flat, 1)
  if record.v ~= '${RECORD_VERSION}' then error('a record of another version') end
  for _, field in ipairs(REQUIRED) do if not record[field] then error('no ' .. field) end end
  for field, value in pairs(DEFAULTS) do record[field] = record[field] or value end
  if record.workspaceId ~= workspace then return nil end
  return record
end

local function ok(record)
  local reply = { 'ok' }
  for i, field in ipairs(FIELDS) do reply[i + 1] = record[field] or false end
  return reply
end

local function each_index(command, places)
  for i, place in ipairs(places) do
    if command == 'ZADD' then redis.call('ZADD', KEYS[i + 1], 0, place)
    else redis.call('ZREM', KEYS[i + 1], place) end
  end
end

local function json(record, field)
  for _, plain in ipairs(PLAIN) do
    if field == plain then return cjson.encode(record[field]) end
  end
  return record[field]
end

-- The given fields of a record as a JSON object, for the audit log.
local function shown(record, fields)
  local members = {}
  for i, field in ipairs(fields) do members[i] = '"' .. field .. '":' .. json(record, field) end
  return '{' .. table.concat(members, ',') .. '}'
end

local function telling(record)
  local fields = {}
  for _, field in ipairs(AUDITED) do
    if record[field] ~= 'null' then fields[#fields + 1] = field end
  end
  return fields
end

local function differing(before, after)
  local fields = {}
  for _, field in ipairs(AUDITED) do
    if before[field] ~= after[field] then fields[#fields + 1] = field end
  end
  return fields
end

-- Fields that a successor does not copy from its predecessor. It copies all other fields as they are stored, because
-- this version does not know their meaning.
local KNOWN = { op = true, folded = true }
for _, field in ipairs(FIELDS) do KNOWN[field] = true end

-- A changed copy of a record. The changes are pairs in ARGV, from the given index on.
local function changed(record, first)
  local copy = {}
  for field, value in pairs(record) do copy[field] = value end
  for i = first, #ARGV, 2 do copy[ARGV[i]] = ARGV[i + 1] end
  copy.updatedAt = ARGV[3]
  copy.revision = string.format('%.0f', tonumber(record.revision) + 1)
  copy.op = ARGV[2]
  return copy
end
`;

/** ARGV: 7 the entry of the key's deletion as it was read, from 8 on the record's fields and values. */
export const CREATE_KEY = `${keyScript('string')}
if redis.call('EXISTS', KEYS[1]) == 1 then return { 'taken' } end
if (redis.call('GET', KEYS[7]) or '') ~= ARGV[7] then return { 'stale' } end
local record = from_pairs(ARGV, 8)
record.op = ARGV[2]
local places, after, name = positions(record), shown(record, telling(record)), cjson.encode(record.name)
redis.call('HSET', KEYS[1], unpack(to_pairs(record)))
each_index('ZADD', places)
audit('key.created', record.id, name, 'null', after)
emit(KEYS[5], record.workspaceId, 'key.created', record.id, name, 'null', after)
return { 'ok' }
`;

/** ARGV: 7 workspace, 8 the revision that the caller requires, or empty, 9 the record's op as it was read. */
const LOAD_EXPECTED = `
local record = load(ARGV[7])
if not record then return { 'not_found' } end
if ARGV[8] ~= '' and ARGV[8] ~= record.revision then return { 'revision' } end
if (record.op or '') ~= ARGV[9] then return { 'stale' } end
`;

/** ARGV: from 10 on the fields that change and their new values. */
export const UPDATE_KEY = `${keyScript()}${LOAD_EXPECTED}
local after = changed(record, 10)
local fields = differing(record, after)
if #fields == 0 then return ok(record) end
local was, is, name = shown(record, fields), shown(after, fields), cjson.encode(record.name)
local old_places, new_places, reply = positions(record), positions(after), ok(after)
redis.call('HDEL', KEYS[1], 'op')
redis.call('HSET', KEYS[1], unpack(to_pairs(after)))
if after.folded ~= record.folded or after.expiresAt ~= record.expiresAt then
  each_index('ZREM', old_places)
  each_index('ZADD', new_places)
end
audit('key.updated', record.id, name, was, is)
emit(KEYS[5], record.workspaceId, 'key.updated', record.id, name, was, is)
return reply
`;

export const DELETE_KEY = `${keyScript('string', 'hash')}${REMEMBER_DELETION}${LOAD_EXPECTED}
local places, before, name = positions(record), shown(record, telling(record)), cjson.encode(record.name)
local reply = ok(record)
redis.call('DEL', KEYS[1], KEYS[8])
remember_deletion(KEYS[7])
each_index('ZREM', places)
audit('key.deleted', record.id, name, before, 'null')
emit(KEYS[5], record.workspaceId, 'key.deleted', record.id, name, before, 'null')
return reply
`;

/** ARGV: 10 the old key's new expiry, or empty to revoke it, from 11 on the successor's fields and values. */
export const ROTATE_KEY = `${keyScript('hash')}${LOAD_EXPECTED}
if record.rotatedTo ~= 'null' then return { 'rotated' } end
if redis.call('EXISTS', KEYS[7]) == 1 then return { 'taken' } end
local successor = from_pairs(ARGV, 11)
for field, value in pairs(record) do
  if not KNOWN[field] then successor[field] = value end
end
successor.op = ARGV[2]
local after = changed(record, #ARGV + 1)
local old_end = ARGV[10]
if old_end == '' then
  old_end = ARGV[3]
  after.revoked = 'true'
end
if tonumber(old_end) < tonumber(record.expiresAt) then after.expiresAt = old_end end
after.rotatedTo = cjson.encode(successor.id)
local fields = differing(record, after)
local was, is, name = shown(record, fields), shown(after, fields), cjson.encode(record.name)
local old_places, new_places, successor_places = positions(record), positions(after), positions(successor)
local reply = ok(after)
redis.call('HSET', KEYS[7], unpack(to_pairs(successor)))
redis.call('HSET', KEYS[1], unpack(to_pairs(after)))
each_index('ZREM', old_places)
each_index('ZADD', new_places)
each_index('ZADD', successor_places)
audit('key.rotated', record.id, name, was, is)
emit(KEYS[5], record.workspaceId, 'key.rotated', record.id, name, was, is)
return reply
`;

/** ARGV: 10 the policy, 11 the report as JSON. */
export const EXPOSE_KEY = `${keyScript()}${LOAD_EXPECTED}
if record.revoked == 'true' then return { 'revoked' } end
local after = changed(record, #ARGV + 1)
if ARGV[10] == 'disable' then after.disabled = 'true' end
if ARGV[10] == 'revoke' then
  after.revoked = 'true'
  if tonumber(ARGV[3]) < tonumber(record.expiresAt) then after.expiresAt = ARGV[3] end
end
local fields = differing(record, after)
local was, is, name = shown(record, fields), shown(after, fields), cjson.encode(record.name)
is = string.sub(is, 1, -2) .. (#fields > 0 and ',' or '') .. '"exposure":' .. ARGV[11] .. '}'
local has_changed = #fields > 0 or after.revoked ~= record.revoked or record.exposure == 'null'
if has_changed then after.exposure = string.sub(ARGV[11], 1, -2) .. ',"at":' .. ARGV[3] .. '}' end
local old_places, new_places, reply = positions(record), positions(after), ok(has_changed and after or record)
if has_changed then
  redis.call('HDEL', KEYS[1], 'op')
  redis.call('HSET', KEYS[1], unpack(to_pairs(after)))
  each_index('ZREM', old_places)
  each_index('ZADD', new_places)
end
audit('key.exposed', record.id, name, was, is)
emit(KEYS[5], record.workspaceId, 'key.exposed', record.id, name, was, is)
return reply
`;
