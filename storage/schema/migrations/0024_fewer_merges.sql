-- A merge costs a log record as much as its insert did, so it is left until twenty
-- parts of a size are there, and what is as large as fifty million records is left as
-- it is: more parts cost a query less than merging them again costs every record.
ALTER TABLE {{table "logs"}} MODIFY SETTING merge_selector_base = 30, max_bytes_to_merge_at_max_space_in_pool = 4294967296;
