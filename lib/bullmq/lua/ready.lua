-- Says what should have a job by now, and may not have one.
--
-- ARGV   1   the fan-out's ID
-- Answer {first chunk, last chunk (exclusive), whether the end should}

return {ready()}
