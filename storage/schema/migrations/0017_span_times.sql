-- As with the times of logs.
ALTER TABLE {{table "spans"}}
  MODIFY COLUMN start_time CODEC(T64, LZ4),
  MODIFY COLUMN duration CODEC(T64, LZ4);
