-- Tells what is known of a message.
--
-- ARGV   1   the message's ID
--        2   'all', or 'count'
-- Answer when it is forgotten, how many users are awaited, and with 'all' the message's hash; nothing if it is not known

if not is_known(id) then return {} end
local answer = { redis.call('ZSCORE', untils, id), total('awaited:' .. id) }
if ARGV[2] == 'all' then answer[3] = redis.call('HGETALL', message) end
return answer
