-- Awaits receipts of users, and forgets the messages whose time is over, and the oldest of too many.
--
-- ARGV   1   the message's ID
--        2   the request: it counts once, however often it comes, and not if it comes after it was withdrawn
--        3   how long they are awaited, in milliseconds
--        4   users that may be awaited
--        5   users that may be kept
--        6   the first user; the others follow. Without one, it is only asked whether there is room.
-- Answer 1, 0 if that would be too many, or 'more' if more is to be forgotten first

local request = '/' .. ARGV[2]
local await, max_awaited, max_kept = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
-- Others wait for Redis meanwhile.
local left = 500
local function forget_while(is_so)
  while left > 0 do
    local oldest = redis.call('ZRANGE', untils, 0, 0, 'WITHSCORES')
    if oldest[1] == nil or not is_so(tonumber(oldest[2]), oldest[1]) then return true end
    left = left - 1
    local one = oldest[1]
    -- Not a bare minus: Redis takes -0 for no integer.
    count(one, 0 - total('awaited:' .. one), 0 - total('kept:' .. one))
    redis.call('HDEL', totals, 'awaited:' .. one, 'kept:' .. one)
    -- Of the same slot, since it differs in the ID alone.
    redis.call('UNLINK', string.sub(message, 1, -#id - 1) .. one)
    redis.call('ZREM', untils, one)
  end
  return false
end

if redis.call('HEXISTS', message, request) == 1 then return 1 end
if not forget_while(function(till) return till <= now end) then return 'more' end
local awaited, kept = 0, 0
for at = 6, #ARGV do
  local requests = read(message, ARGV[at])
  if requests == nil then kept = kept + 1 end
  if requests == nil or requests == 0 then awaited = awaited + 1 end
end
if total('awaited:') + awaited > max_awaited then return 0 end
if #ARGV < 6 then return 1 end
redis.call('ZADD', untils, math.max(now + await, tonumber(redis.call('ZSCORE', untils, id)) or 0), id)
local is_too_much = function(_, oldest) return total('kept:') + kept > max_kept and oldest ~= id end
if not forget_while(is_too_much) then return 'more' end
for at = 6, #ARGV do
  local requests, since = read(message, ARGV[at])
  if requests == nil or requests == 0 then write(message, ARGV[at], 1, now)
  elseif requests > 0 then write(message, ARGV[at], requests + 1, since) end
end
redis.call('HSET', message, request, 1)
count(id, awaited, kept)
for _, key in ipairs(KEYS) do hold(key, 2 * await) end
return 1
