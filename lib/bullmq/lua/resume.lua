-- Continues a fan-out that was stopped.
--
-- ARGV   1   the fan-out's ID
-- Answer 'resumed'

set('stop', '', 'stopError', '')
if number('completed') < number('stored') then reopen() end
return answer('resumed')
