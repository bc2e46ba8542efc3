-- A request was certainly not accepted: who gets the message by no other one is awaited no longer.
--
-- KEYS   1   the message's hash, see shared.lua
-- ARGV   1   the request's name
--        2   the first user; the others follow
-- Answer how many users are awaited; nothing if the message is not known

local message = KEYS[1]
local name = ARGV[1]
if redis.call('HDEL', message, name) == 0 then return redis.call('HGET', message, 'awaited') end
local users, removed = { unpack(ARGV, 2) }, 0
for at, all in ipairs(redis.call('HMGET', message, unpack(users))) do
  if all and all ~= '!' then
    local others = string.gsub(all, name, '')
    if others == '' then
      removed = removed + redis.call('HDEL', message, users[at])
    else
      redis.call('HSET', message, users[at], others)
    end
  end
end
-- Not a bare minus: Redis takes -0 for no integer.
return redis.call('HINCRBY', message, 'awaited', 0 - removed)
