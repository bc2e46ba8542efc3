-- Awaits receipts of users from now on. The same request may come again, when it leaves again.
--
-- ARGV   1   the request's name
--        2   how long they are awaited, in milliseconds
--        3   the first user; the others follow
-- Answer how many users of the message are awaited

local added = 0
if redis.call('HSET', message, ARGV[1], now) == 1 then
  local users, changes = { unpack(ARGV, 3) }, {}
  for at, others in ipairs(redis.call('HMGET', message, unpack(users))) do
    if others ~= '!' then
      if not others then added = added + 1 end
      table.insert(changes, users[at])
      table.insert(changes, (others or '') .. ARGV[1])
    end
  end
  if #changes > 0 then redis.call('HSET', message, unpack(changes)) end
end
redis.call('PEXPIRE', message, ARGV[2])
return redis.call('HINCRBY', message, 'awaited', added)
