-- Tells what is known of a message.
--
-- ARGV   1   the message's ID
--        2   'all' for the users too
-- Answer nothing if it is not known; else when it is forgotten, how many users are awaited, and the message's hash

if not is_known() then return nil end
local users = ARGV[2] == 'all' and redis.call('HGETALL', message) or {}
return { redis.call('ZSCORE', untils, id), redis.call('HGET', message, ''), users }
