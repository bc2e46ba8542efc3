-- Tells what is known of a message.
--
-- ARGV   1   the message's ID
-- Answer when it is forgotten, and the message's hash; nothing if it is not known

if not is_known(id) then return {} end
return { redis.call('ZSCORE', untils, id), redis.call('HGETALL', message) }
