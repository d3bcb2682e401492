-- What Prometheus's metadata says of a series can change, and segments of the log are stored in any order: the row that was
-- observed last counts, not the one that was stored last, so merges keep both.
ALTER TABLE {{table "series"}}
  ADD COLUMN IF NOT EXISTS observed DateTime64(3, 'UTC') CODEC(ZSTD(1)),
  MODIFY ORDER BY (tenant, metric_name, fingerprint, observed);
{{alter_distributed "series" "ADD COLUMN IF NOT EXISTS observed DateTime64(3, 'UTC')"}}
