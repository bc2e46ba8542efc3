-- Takes the receipt of a user.
--
-- ARGV   1   the user
-- Answer milliseconds since the request left, and how many users are awaited; or why the receipt does not count

local requests = redis.call('HGET', message, ARGV[1])
if not requests then return { 'not_awaited' } end
if requests == '!' then return { 'repeated' } end
local since = redis.call('HGET', message, string.match(requests, '/%w+ $'))
redis.call('HSET', message, ARGV[1], '!')
-- The clock may have been set back.
return { math.max(0, now - (since or now)), redis.call('HINCRBY', message, 'awaited', -1) }
