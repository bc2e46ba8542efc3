-- Awaits receipts of users from now on. The same request may come again, when it leaves again.
--
-- ARGV   1   the request's name
--        2   how long they are awaited, in milliseconds
--        3   1 if the message was known before
--        4   the first user; the others follow
-- Answer how many users are awaited by this, and how many of the message

if ARGV[3] == '1' and redis.call('EXISTS', message) == 0 then redis.call('HSET', message, 'lost', 1) end
local added = 0
if redis.call('HSET', message, ARGV[1], now) == 1 then
  local users, changes = { unpack(ARGV, 4) }, {}
  for at, others in ipairs(redis.call('HMGET', message, unpack(users))) do
    if others ~= '!' then
      if not others or others == '' then added = added + 1 end
      table.insert(changes, users[at])
      table.insert(changes, (others or '') .. ARGV[1])
    end
  end
  if #changes > 0 then redis.call('HSET', message, unpack(changes)) end
end
redis.call('PEXPIRE', message, ARGV[2])
return { added, redis.call('HINCRBY', message, 'awaited', added) }
