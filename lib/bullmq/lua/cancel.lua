-- Stops a fan-out.
--
-- ARGV   1   the fan-out's ID
-- Answer 'stopped', by this call or before, or 'ended'

if get('ended') ~= '' and get('stop') == '' then return answer('ended') end
can_write()
if get('stop') == '' then set('stop', 'aborted') end
return answer('stopped')
