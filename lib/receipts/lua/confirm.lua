-- Takes a receipt.
--
-- ARGV   1   the message's ID
--        2   the user
-- Answer milliseconds since it was awaited, or why it does not count

if not is_known() then return 'unknown_message' end
local since = redis.call('HGET', message, ARGV[2])
if not since then return 'not_addressed' end
if since == '' then return 'repeated' end
redis.call('HSET', message, ARGV[2], '')
count(message, -1, 0)
return now - tonumber(since)
