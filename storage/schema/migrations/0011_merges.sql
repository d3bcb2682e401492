-- Merge more parts at a time, so that each row is written again less often. The
-- parts are large from the start: an insert is a segment of the log.
ALTER TABLE {{table "logs"}} MODIFY SETTING merge_selector_base = 10;
ALTER TABLE {{table "spans"}} MODIFY SETTING merge_selector_base = 10;
