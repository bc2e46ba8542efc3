-- A request was not accepted: who gets the message by no other one is awaited no longer. Who has confirmed stays.
--
-- ARGV   1   the message's ID
--        2   the request
--        3   for how long to remember that, in milliseconds
--        4   the first user; the others follow
-- Answer nothing

local request = '/' .. ARGV[2]
local counts = redis.call('HGET', message, request) == '1' and is_known(id)
redis.call('HSET', message, request, 0)
hold(message, tonumber(ARGV[3]))
if not counts then return end
for at = 4, #ARGV do
  local requests, since = read(message, ARGV[at])
  if requests and requests > 0 then
    write(message, ARGV[at], requests - 1, since)
    if requests == 1 then count(id, -1, 0) end
  end
end
