import { SELECT_DATABASE } from './common.lua';

/** Records an app's settings, and returns those recorded before. KEYS: 1 the record. ARGV: 1 database, 2 settings. */
export const RECORD_APP = `${SELECT_DATABASE}
local before = redis.call('GET', KEYS[1])
if before ~= ARGV[2] then redis.call('SET', KEYS[1], ARGV[2]) end
return before
`;
