CREATE TABLE IF NOT EXISTS {{table "spans"}} (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  service_name LowCardinality(String),
  name LowCardinality(String),
  start_time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
  duration UInt64 CODEC(ZSTD(1)),
  kind UInt8 CODEC(ZSTD(1)),
  status_code UInt8 CODEC(ZSTD(1)),
  status_message String CODEC(ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  span_id FixedString(8) CODEC(ZSTD(1)),
  parent_span_id FixedString(8) CODEC(ZSTD(1)),
  trace_state String CODEC(ZSTD(1)),
  flags UInt32 CODEC(ZSTD(1)),
  attributes JSON(max_dynamic_paths=256) CODEC(ZSTD(1)),
  attributes_other Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  dropped_attributes_count UInt32 CODEC(ZSTD(1)),
  dropped_events_count UInt32 CODEC(ZSTD(1)),
  dropped_links_count UInt32 CODEC(ZSTD(1)),
  event_time Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
  event_name Array(LowCardinality(String)),
  event_attributes Array(String) CODEC(ZSTD(1)),
  event_dropped Array(UInt32) CODEC(ZSTD(1)),
  link_trace_id Array(FixedString(16)) CODEC(ZSTD(1)),
  link_span_id Array(FixedString(8)) CODEC(ZSTD(1)),
  link_trace_state Array(String) CODEC(ZSTD(1)),
  link_flags Array(UInt32) CODEC(ZSTD(1)),
  link_attributes Array(String) CODEC(ZSTD(1)),
  link_dropped Array(UInt32) CODEC(ZSTD(1)),
  resource_id UInt64 CODEC(ZSTD(1)),
  scope_id UInt64 CODEC(ZSTD(1)),
  INDEX trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = {{engine "MergeTree"}}
PARTITION BY (toDate(start_time), retention_days)
ORDER BY (tenant, service_name, name, start_time)
TTL toDate(start_time) + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "spans" "cityHash64(trace_id)"}}

-- Where in time a trace is, so that reading one is a look-up and a range.
CREATE TABLE IF NOT EXISTS {{table "trace_index"}} (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  day Date CODEC(ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  start_time SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(Delta(8), ZSTD(1)),
  end_time SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(Delta(8), ZSTD(1))
) ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY (day, retention_days)
ORDER BY (tenant, trace_id)
TTL day + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "trace_index" "cityHash64(trace_id)"}}
