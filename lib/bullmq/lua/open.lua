-- Creates a fan-out, or finds it and tells apart another request under its ID.
--
-- ARGV   1   the fan-out's ID
--        2   producer
--        3   message
--        4-  the fields of the meta hash, each followed by its value
-- Answer {stored: chunks, chunkSize, dedupe}, from where reading is to go on, or {differing: fields}

if redis.call('EXISTS', meta) == 0 then
  redis.call('HSET', meta, 'created', now(), unpack(ARGV, 4))
  redis.call('SET', message, ARGV[3])
else
  local given, differing = {}, {}
  for i = 4, #ARGV, 2 do given[ARGV[i]] = ARGV[i + 1] end
  for _, field in ipairs({'roomId', 'from', 'binary'}) do
    if get(field) ~= given[field] then table.insert(differing, field) end
  end
  if redis.call('GET', message) ~= ARGV[3] then table.insert(differing, 'message') end
  if #differing > 0 then return cjson.encode({differing = differing}) end
end
if get('inputClosed') ~= '1' and get('stop') == '' then
  producer_lives(ARGV[2])
  reopen()
else
  -- It is compared, and must not expire meanwhile.
  keep_for_producer()
end
return cjson.encode({stored = number('stored'), chunkSize = number('chunkSize'), dedupe = get('dedupe')})
