-- Notes that a producer gives up. Others may enqueue the same.
--
-- ARGV   1   the fan-out's ID
--        2   producer
-- Answer as of `answer()`: 'given up' or 'gone'

if redis.call('EXISTS', meta) == 0 then return answer('gone') end
redis.call('ZREM', producers, ARGV[2])
end_if_over()
return answer('given up')
