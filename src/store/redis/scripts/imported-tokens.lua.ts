import { CHECK_TYPES } from './keys.lua';

/** KEYS of both: 1 what a foreign token stands for. ARGV of both: 1 a key's id. */
const ALIAS_SCRIPT = `
local TYPES = { 'string' }
${CHECK_TYPES}
local held = redis.call('GET', KEYS[1])
`;

/** ARGV: 2 the id that may be replaced, or nothing. Run twice, it does the same. */
export const LINK_ALIAS = `${ALIAS_SCRIPT}
if held == ARGV[1] then return { 'ok', held } end
if held and held ~= ARGV[2] then return { 'held', held } end
redis.call('SET', KEYS[1], ARGV[1])
return { 'ok', ARGV[1] }
`;

export const UNLINK_ALIAS = `${ALIAS_SCRIPT}
if held ~= ARGV[1] then return { 'none' } end
redis.call('DEL', KEYS[1])
return { 'ok' }
`;
