-- Awaits receipts of users, and forgets the messages whose time is over, and the oldest of too many.
--
-- ARGV   1   the message's ID
--        2   how long they are awaited, in milliseconds
--        3   users that may be awaited
--        4   users that may be kept
--        5   the first user; the others follow
-- Answer 1, or 0 if that would be too many

local await, max_awaited, max_kept = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local function forget_while(is_so)
  while true do
    local oldest = redis.call('ZRANGE', untils, 0, 0, 'WITHSCORES')
    if oldest[1] == nil or not is_so(tonumber(oldest[2]), oldest[1]) then return end
    -- Of the same slot, since it differs in the ID alone. Not a bare minus: Redis takes -0 for no integer.
    local key = string.sub(message, 1, -#id - 1) .. oldest[1]
    count(key, 0 - (tonumber(redis.call('HGET', key, '')) or 0), 1 - redis.call('HLEN', key))
    redis.call('DEL', key)
    redis.call('ZREM', untils, oldest[1])
  end
end

forget_while(function(till) return till <= now end)
local new = 0
for at = 5, #ARGV do new = new + 1 - redis.call('HEXISTS', message, ARGV[at]) end
if total('awaited') + new > max_awaited then return 0 end
redis.call('ZADD', untils, now + await, id)
forget_while(function(_, oldest) return total('kept') + new > max_kept and oldest ~= id end)
for at = 5, #ARGV do redis.call('HSETNX', message, ARGV[at], now) end
count(message, new, new)
-- What is kept of a message outlives the totals in which it is counted.
redis.call('PEXPIRE', message, 4 * await)
redis.call('PEXPIRE', untils, 2 * await)
redis.call('PEXPIRE', totals, 2 * await)
return 1
