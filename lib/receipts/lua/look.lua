-- Tells what is known of a message.
--
-- KEYS   1   its hash, see shared.lua
-- ARGV   1   'all', or 'count'
-- Answer how many users are awaited, or nothing; with 'all', for how many milliseconds it is known, and the hash

if ARGV[1] == 'count' then return redis.call('HGET', KEYS[1], 'awaited') end
return { redis.call('PTTL', KEYS[1]), redis.call('HGETALL', KEYS[1]) }
