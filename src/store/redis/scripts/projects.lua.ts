import { AUDIT, CHECK_DEADLINE, CHECK_TYPES, EMIT, REMEMBER_DELETION } from './common.lua';

/**
 * KEYS of both: 1 the workspace's configurations, 2 outbox, 3 audit log, 4 the entry of the configuration's deletion.
 * ARGV: 7 project, 8 its configuration as it was read, or empty, 9 workspace. Each configuration has a random `op`, so
 * that no two are the same.
 */
const PROJECT_SCRIPT = `
local TYPES = { 'hash', 'stream', 'stream', 'string' }
${CHECK_TYPES}${CHECK_DEADLINE}${AUDIT}${EMIT}
local stored = redis.call('HGET', KEYS[1], ARGV[7])
if (stored or '') ~= ARGV[8] then return { 'stale' } end
-- A value that is not JSON must not be added to the audit log: the log would become unreadable.
local before = stored and pcall(cjson.decode, stored) and stored or 'null'
`;

/**
 * ARGV: 10 the entry of the configuration's deletion as it was read, 11 the configuration up to its time, 12 the rest.
 * KEYS 4 is omitted if there is a configuration. An existing configuration needs no check for a deletion. While a
 * Cluster moves the slot, a script can run only if all of its keys exist.
 */
export const SET_PROJECT = `${PROJECT_SCRIPT}
if KEYS[4] and (redis.call('GET', KEYS[4]) or '') ~= ARGV[10] then return { 'stale' } end
if stored and string.sub(stored, 1, #ARGV[11]) == ARGV[11] then return { 'ok', stored } end
local after = ARGV[11] .. ARGV[12]
redis.call('HDEL', KEYS[1], ARGV[7])
redis.call('HSET', KEYS[1], ARGV[7], after)
audit('project.configured', ARGV[7], 'null', before, after)
emit(KEYS[2], ARGV[9], 'project.configured', ARGV[7], 'null', before, after)
return { 'ok', after }
`;

export const CLEAR_PROJECT = `${PROJECT_SCRIPT}${REMEMBER_DELETION}
if not stored then return { 'none' } end
redis.call('HDEL', KEYS[1], ARGV[7])
remember_deletion(KEYS[4])
audit('project.cleared', ARGV[7], 'null', before, 'null')
emit(KEYS[2], ARGV[9], 'project.cleared', ARGV[7], 'null', before, 'null')
return { 'ok' }
`;
