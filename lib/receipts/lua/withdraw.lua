-- A request was certainly not accepted: who gets the message by no other one is awaited no longer.
--
-- KEYS   1   the message's hash, see shared.lua
-- ARGV   1   the request's name
--        2   the first user; the others follow
-- Answer of how many users that is so, and how many are awaited; 0 alone if the request is not known

local message = KEYS[1]
local name = ARGV[1]
if redis.call('HDEL', message, name) == 0 then return { 0 } end
local users, changes, removed = { unpack(ARGV, 2) }, {}, 0
for at, all in ipairs(redis.call('HMGET', message, unpack(users))) do
  if all and all ~= '!' then
    local others = string.gsub(all, name, '')
    if others == '' and all ~= '' then removed = removed + 1 end
    table.insert(changes, users[at])
    table.insert(changes, others)
  end
end
if #changes > 0 then redis.call('HSET', message, unpack(changes)) end
-- Not a bare minus: Redis takes -0 for no integer.
return { removed, redis.call('HINCRBY', message, 'awaited', 0 - removed) }
