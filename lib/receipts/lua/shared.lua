-- What scripts for receipts share. It stands before them.
--
-- KEYS   1   message   hash: 'awaited', how many users are awaited; for ':' with a user, the requests that were accepted,
--                      or may be, each by its name, or '!' if the user has confirmed; for the name of a request, '/…',
--                      when it last left, in milliseconds. It ends by itself.

local message = KEYS[1]
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
