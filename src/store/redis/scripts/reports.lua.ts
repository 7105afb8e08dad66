import { DAY } from '../../../clock';
import { MAX_REPORT_COUNTS, OTHER_REPORTS, REPORT_DAYS } from '../../report-store';
import { SELECT_DATABASE } from './common.lua';

const DAY_SECONDS = DAY / 1000;

/**
 * Adds a batch of counts, unless it was added before. Counts of further kinds than fit are added to one of their day.
 *
 * KEYS: 1 counts, 2 number of the last batch of the process. ARGV: 1 database, 2 number of the batch, 3 the oldest day to
 * keep, 4 today, from 5 on counters and how much to add.
 */
export const ADD_REPORTS = `${SELECT_DATABASE}
local reports = KEYS[1]
if tonumber(redis.call('GET', KEYS[2]) or 0) >= tonumber(ARGV[2]) then return end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ${DAY_SECONDS})
if redis.call('HGET', reports, 'today') ~= ARGV[4] then
  for _, field in ipairs(redis.call('HKEYS', reports)) do
    if field < ARGV[3] then redis.call('HDEL', reports, field) end
  end
  redis.call('HSET', reports, 'today', ARGV[4])
end
local size = redis.call('HLEN', reports)
for i = 5, #ARGV, 2 do
  local field = ARGV[i]
  if redis.call('HEXISTS', reports, field) == 0 then
    if size > ${MAX_REPORT_COUNTS} then field = string.sub(field, 1, 11) .. '${OTHER_REPORTS}' else size = size + 1 end
  end
  redis.call('HINCRBY', reports, field, ARGV[i + 1])
end
redis.call('EXPIRE', reports, ${REPORT_DAYS * DAY_SECONDS})
`;

/** KEYS: 1 counts. ARGV: 1 database. Replies with all fields and values. */
export const READ_REPORTS = `${SELECT_DATABASE}
return redis.call('HGETALL', KEYS[1])
`;
