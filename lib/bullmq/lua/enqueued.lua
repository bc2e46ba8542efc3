-- Notes that chunks have been given their jobs.
--
-- ARGV   1   the fan-out's ID
--        2   the chunk before which all have one
-- Answer 'noted'

if number('enqueued') < tonumber(ARGV[2]) then set('enqueued', ARGV[2]) end
return brief('noted')
