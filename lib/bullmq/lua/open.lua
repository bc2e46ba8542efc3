-- Creates a fan-out, or finds it and tells apart another request under its ID.
--
-- ARGV   1   the fan-out's ID
--        2   producer
--        3   message
--        4-  the fields of the meta hash, each followed by its value
-- Answer 'opened', or 'differs' with the fields that do

if #flat == 0 then
  set('created', now(), unpack(ARGV, 4))
  redis.call('SET', message, ARGV[3])
  reopen()
else
  local given, differing = {message = ARGV[3]}, {}
  for i = 4, #ARGV, 2 do given[ARGV[i]] = ARGV[i + 1] end
  for _, field in ipairs({'roomId', 'from', 'binary', 'message'}) do
    local kept = field == 'message' and redis.call('GET', message) or get(field)
    if kept ~= given[field] then table.insert(differing, field) end
  end
  if #differing > 0 then return answer('differs', differing) end
end
producer_lives(ARGV[2])
return answer('opened')
