-- Continues a fan-out that was stopped.
--
-- ARGV   1   the fan-out's ID
-- Answer as of `answer()`: 'resumed' or 'gone'

if redis.call('EXISTS', meta) == 0 then return answer('gone') end
redis.call('HSET', meta, 'stop', '', 'stopError', '')
if number('completed') < number('stored') then reopen() end
end_if_over()
return answer('resumed')
