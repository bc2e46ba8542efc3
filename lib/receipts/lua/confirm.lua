-- Takes receipts of a user. The message of its keys has no ID, so that the others' begin with it.
--
-- ARGV   1   no ID
--        2   the user
--        3   the first message's ID; the others follow
-- Answer for each, milliseconds since it was awaited, or why it does not count

local function confirm(one)
  if not is_known(one) then return 'unknown_message' end
  -- Of the same slot, since it differs in the ID alone.
  local key = message .. one
  local requests, since = read(key, ARGV[2])
  if requests == nil or requests == 0 then return 'not_addressed' end
  if requests < 0 then return 'repeated' end
  write(key, ARGV[2], -1, since)
  count(one, -1, 0)
  return now - since
end

local answers = {}
for at = 3, #ARGV do answers[at - 2] = confirm(ARGV[at]) end
return answers
