import { CHECK_DEADLINE, CHECK_TYPES } from './common.lua';

/** KEYS of both: 1 the alias of an imported token. ARGV of both: 1 deadline, 2 a key's id. */
const ALIAS_SCRIPT = `
local TYPES = { 'string' }
${CHECK_TYPES}${CHECK_DEADLINE}
local held = redis.call('GET', KEYS[1])
`;

/** ARGV: 3 the id that can be replaced, or empty. */
export const LINK_ALIAS = `${ALIAS_SCRIPT}
if held == ARGV[2] then return { 'ok', held } end
if held and held ~= ARGV[3] then return { 'held', held } end
redis.call('SET', KEYS[1], ARGV[2])
return { 'ok', ARGV[2] }
`;

export const UNLINK_ALIAS = `${ALIAS_SCRIPT}
if held ~= ARGV[2] then return { 'none' } end
redis.call('DEL', KEYS[1])
return { 'ok' }
`;
