-- A series' numbers of an hour that is over, packed for reading: a copy of what "samples" has, whole as long as both
-- count the same.
CREATE TABLE IF NOT EXISTS {{table "sample_packs"}} (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  fingerprint UInt64 CODEC(ZSTD(1)),
  hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  stored UInt64 CODEC(ZSTD(1)),
  pack String CODEC(LZ4)
) ENGINE = {{engine "ReplacingMergeTree" "stored"}}
PARTITION BY (toDate(hour), retention_days)
ORDER BY (tenant, fingerprint, hour)
TTL toDate(hour) + toIntervalDay(retention_days)
SETTINGS {{settings}}, index_granularity = 1024;
{{distributed "sample_packs" "fingerprint"}}
