-- Whether a series came from Prometheus: its names are shown as they are, and histograms with explicit bounds are native
-- ones with custom buckets.
ALTER TABLE {{table "series"}} ADD COLUMN IF NOT EXISTS prometheus Bool CODEC(ZSTD(1));
{{alter_distributed "series" "ADD COLUMN IF NOT EXISTS prometheus Bool"}}
