import { CHECK_TYPES } from './common.lua';

/** The last id that the audit log has given, also if its entry was removed since. Changes nothing. KEYS: 1 audit log. */
export const LAST_AUDIT_ID = `
local TYPES = { 'stream' }
${CHECK_TYPES}
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'none' } end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then return { 'last', info[i + 1] } end
end
`;
