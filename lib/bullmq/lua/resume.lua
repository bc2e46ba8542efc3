-- Takes back what stopped a fan-out.
--
-- ARGV   1   the fan-out's ID
-- Answer 'resumed' or 'gone'

if redis.call('EXISTS', meta) == 0 then return 'gone' end
redis.call('HSET', meta, 'stop', '', 'stopError', '')
if number('completed') < number('stored') then reopen() end
end_if_over()
return 'resumed'
