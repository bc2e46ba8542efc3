-- Records a producer's heartbeat. It enqueues the fan-out, or compares it.
--
-- ARGV   1   the fan-out's ID
--        2   producer
-- Answer nothing

if redis.call('EXISTS', meta) == 0 then return end
can_write()
producer_lives(ARGV[2])
