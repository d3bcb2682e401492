CREATE TABLE IF NOT EXISTS {{table "logs"}} (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  service_name LowCardinality(String),
  time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
  observed_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
  id UInt64 CODEC(Delta(8), ZSTD(1)),
  severity_number UInt8 CODEC(ZSTD(1)),
  severity_text LowCardinality(String),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  span_id FixedString(8) CODEC(ZSTD(1)),
  flags UInt32 CODEC(ZSTD(1)),
  event_name LowCardinality(String),
  body String CODEC(ZSTD(1)),
  body_kind UInt8 CODEC(ZSTD(1)),
  attributes JSON(max_dynamic_paths=256) CODEC(ZSTD(1)),
  attributes_other Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  dropped_attributes_count UInt32 CODEC(ZSTD(1)),
  resource_id UInt64 CODEC(ZSTD(1)),
  scope_id UInt64 CODEC(ZSTD(1)),
  INDEX trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = {{engine "MergeTree"}}
PARTITION BY (toDate(time), retention_days)
ORDER BY (tenant, service_name, time, id)
TTL toDate(time) + toIntervalDay(retention_days)
SETTINGS {{settings}};
-- The key must not change between two sends of one insert: a shard that has its
-- part already drops what comes again under the same token.
{{distributed "logs" "id"}}
