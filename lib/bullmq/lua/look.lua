-- Returns the state of a fan-out, and ends it if all of its producers are lost, or a part of it is.
--
-- ARGV   1   the fan-out's ID
-- Answer 'seen'

stop_if_lost()
return answer('seen')
