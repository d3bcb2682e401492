-- What functions over long windows need of a series' numbers of a day that is over; see package samplerollup. A row is
-- whole as long as it is made of as many samples as "samples" has.
CREATE TABLE IF NOT EXISTS {{table "sample_rollups"}} (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  day Date CODEC(ZSTD(1)),
  bucket UInt16 CODEC(ZSTD(1)),
  fingerprint UInt64 CODEC(ZSTD(1)),
  stored UInt64 CODEC(ZSTD(1)),
  last String CODEC(ZSTD(1)),
  first String CODEC(ZSTD(1)),
  most String CODEC(ZSTD(1)),
  least String CODEC(ZSTD(1)),
  sums String CODEC(ZSTD(1)),
  gain String CODEC(ZSTD(1))
) ENGINE = {{engine "ReplacingMergeTree" "stored"}}
PARTITION BY (day, retention_days)
ORDER BY (tenant, bucket, fingerprint)
TTL day + toIntervalDay(retention_days)
SETTINGS {{settings}}, index_granularity = 512;
{{distributed "sample_rollups" "fingerprint"}}
