-- Awaits some users no longer. Who has confirmed stays.
--
-- ARGV   1   the message's ID
--        2   the first user; the others follow
-- Answer nothing

for at = 2, #ARGV do
  local since = redis.call('HGET', message, ARGV[at])
  if since and since ~= '' then
    redis.call('HDEL', message, ARGV[at])
    count(message, -1, -1)
  end
end
