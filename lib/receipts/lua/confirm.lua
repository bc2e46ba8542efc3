-- Takes receipts of a user. The message of its keys has no ID, so that the others' begin with it.
--
-- ARGV   1   no ID
--        2   the user
--        3   the first message's ID; the others follow
-- Answer for each, milliseconds since it was awaited, or why it does not count

local function confirm(id)
  -- Of the same slot, since it differs in the ID alone.
  local key = message .. id
  if not is_known(id) then return 'unknown_message' end
  local since = redis.call('HGET', key, ARGV[2])
  if not since then return 'not_addressed' end
  if since == '' then return 'repeated' end
  redis.call('HSET', key, ARGV[2], '')
  count(key, -1, 0)
  return now - tonumber(since)
end

local answers = {}
for at = 3, #ARGV do answers[at - 2] = confirm(ARGV[at]) end
return answers
