-- A series, once a day.
CREATE TABLE IF NOT EXISTS {{table "series"}} (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  day Date CODEC(ZSTD(1)),
  metric_name String CODEC(ZSTD(1)),
  prom_name String CODEC(ZSTD(1)),
  fingerprint UInt64,
  type Enum8('gauge' = 1, 'sum' = 2, 'histogram' = 3, 'exponential_histogram' = 4, 'summary' = 5, 'unknown' = 6) CODEC(ZSTD(1)),
  temporality Enum8('unspecified' = 0, 'delta' = 1, 'cumulative' = 2) CODEC(ZSTD(1)),
  monotonic Bool CODEC(ZSTD(1)),
  unit LowCardinality(String),
  description String CODEC(ZSTD(1)),
  labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  attributes String CODEC(ZSTD(1)),
  resource_id UInt64 CODEC(ZSTD(1)),
  scope_id UInt64 CODEC(ZSTD(1))
) ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY (day, retention_days)
ORDER BY (tenant, metric_name, fingerprint)
TTL day + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "series" "fingerprint"}}

-- A series' numbers, a row an hour once merged: merges append the arrays.
CREATE TABLE IF NOT EXISTS {{table "samples"}} (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  fingerprint UInt64 CODEC(ZSTD(1)),
  hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  ts SimpleAggregateFunction(groupArrayArray, Array(Int64)) CODEC(DoubleDelta, ZSTD(1)),
  start_ts SimpleAggregateFunction(groupArrayArray, Array(Int64)) CODEC(Delta(8), ZSTD(1)),
  value SimpleAggregateFunction(groupArrayArray, Array(Float64)) CODEC(Gorilla, ZSTD(1))
) ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY (toDate(hour), retention_days)
ORDER BY (tenant, fingerprint, hour)
TTL toDate(hour) + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "samples" "fingerprint"}}

CREATE TABLE IF NOT EXISTS {{table "histograms"}} (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  fingerprint UInt64 CODEC(ZSTD(1)),
  time DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
  start_time DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
  kind UInt8 CODEC(ZSTD(1)),
  flags UInt8 CODEC(ZSTD(1)),
  count UInt64 CODEC(Delta(8), ZSTD(1)),
  sum Float64 CODEC(ZSTD(1)),
  min Float64 CODEC(ZSTD(1)),
  max Float64 CODEC(ZSTD(1)),
  bounds Array(Float64) CODEC(ZSTD(1)),
  counts Array(UInt64) CODEC(ZSTD(1)),
  scale Int32 CODEC(ZSTD(1)),
  zero_count UInt64 CODEC(ZSTD(1)),
  zero_threshold Float64 CODEC(ZSTD(1)),
  positive_offset Int32 CODEC(ZSTD(1)),
  positive_counts Array(UInt64) CODEC(ZSTD(1)),
  negative_offset Int32 CODEC(ZSTD(1)),
  negative_counts Array(UInt64) CODEC(ZSTD(1))
) ENGINE = {{engine "MergeTree"}}
PARTITION BY (toDate(time), retention_days)
ORDER BY (tenant, fingerprint, time)
TTL toDate(time) + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "histograms" "fingerprint"}}

CREATE TABLE IF NOT EXISTS {{table "exemplars"}} (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  span_id FixedString(8) CODEC(ZSTD(1)),
  fingerprint UInt64 CODEC(ZSTD(1)),
  metric_name LowCardinality(String),
  value Float64 CODEC(ZSTD(1)),
  attributes String CODEC(ZSTD(1)),
  INDEX fingerprint fingerprint TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = {{engine "MergeTree"}}
PARTITION BY (toDate(time), retention_days)
ORDER BY (tenant, trace_id, time)
TTL toDate(time) + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "exemplars" "cityHash64(trace_id)"}}
