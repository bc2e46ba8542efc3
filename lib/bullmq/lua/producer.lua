-- Notes that a producer still enqueues the fan-out or compares it, or that it gives up. Others may enqueue the same.
--
-- ARGV   1   the fan-out's ID
--        2   producer
--        3   'lives' or 'gives up'
-- Answer 'noted'

can_write()
if ARGV[3] == 'lives' then producer_lives(ARGV[2]) else redis.call('ZREM', producers, ARGV[2]) end
return answer('noted')
