-- Takes the receipt of a user.
--
-- ARGV   1   the user
-- Answer milliseconds since the request left, and how many users are awaited; or why the receipt does not count

local state = redis.call('HGET', message, ARGV[1]) or ''
if state == '' then
  local isWhole = redis.call('EXISTS', message) == 1 and redis.call('HEXISTS', message, 'lost') == 0
  return { isWhole and 'not_addressed' or 'unknown_message' }
end
if state == '!' then return { 'repeated' } end
local since = redis.call('HGET', message, string.match(state, '/%w+ $'))
redis.call('HSET', message, ARGV[1], '!')
-- The clock may have been set back.
return { math.max(0, now - (since or now)), redis.call('HINCRBY', message, 'awaited', -1) }
