-- Closes the input: all chunks have been stored.
--
-- ARGV   1   the fan-out's ID
--        2   digest of the source
--        3   recipients read
--        4   duplicates among those
--        5   invalid ones among those
--        6-  the last of the invalid ones, as JSON
-- Answer {'closed', first and last chunk (exclusive) that should have a job, whether the end should}, {'gone'},
--        {'stopped'} or {'differs'}

if redis.call('EXISTS', meta) == 0 then return {'gone'} end
if get('digest') ~= ARGV[2] then return {'differs'} end
if get('inputClosed') == '1' then return {'closed', ready()} end
if get('stop') ~= '' then return {'stopped'} end
redis.call('HSET', meta, 'inputClosed', '1', 'input', ARGV[3], 'duplicates', ARGV[4], 'invalid', ARGV[5])
redis.call('DEL', producers)
list_invalid(6)
keep(get('maxAge'))
end_if_over()
return {'closed', ready()}
