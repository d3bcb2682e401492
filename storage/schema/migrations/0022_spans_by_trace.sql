{{- $table := "SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = '%s' AND position(%s) > 0" -}}
{{- $moved := printf $table (table "spans") "sorting_key, 'trace_id'" -}}
{{- $fine := printf $table (table "trace_index") "create_table_query, 'index_granularity = 512'" -}}
-- Spans in the order of minutes and traces, those of a trace side by side: a trace is one place to read instead of
-- one for each of its services and names, and its ids and attributes resemble their neighbours (a third fewer bytes).
-- No index on trace_id is needed any more. What is there is copied.
-- unless: {{$moved}}
DROP TABLE IF EXISTS {{table "spans_by_trace"}} SYNC;

-- unless: {{$moved}}
CREATE TABLE {{table "spans_by_trace"}} (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  service_name LowCardinality(String),
  name LowCardinality(String),
  start_time DateTime64(9, 'UTC') CODEC(T64, LZ4),
  duration UInt64 CODEC(T64, LZ4),
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
  attribute_tokens Array(FixedString(4)) DEFAULT [toFixedString(unhex('00000000'), 4)] CODEC(ZSTD(1)),
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
  INDEX attribute_tokens attribute_tokens TYPE bloom_filter(0.02) GRANULARITY 1,
  INDEX resource_id resource_id TYPE set(256) GRANULARITY 1
) ENGINE = {{engine "MergeTree"}}
PARTITION BY (toDate(start_time), retention_days)
ORDER BY (tenant, toStartOfMinute(start_time), trace_id, start_time)
TTL toDate(start_time) + toIntervalDay(retention_days)
SETTINGS {{settings}}, merge_selector_base = 10;

-- unless: {{$moved}}
INSERT INTO {{table "spans_by_trace"}} SELECT * FROM {{table "spans"}};

-- unless: {{$moved}}
EXCHANGE TABLES {{table "spans_by_trace"}} AND {{table "spans"}};

DROP TABLE IF EXISTS {{table "spans_by_trace"}} SYNC;

-- A trace is looked up by one row of its own: small granules leave little beside it to read.
-- unless: {{$fine}}
DROP TABLE IF EXISTS {{table "trace_index_fine"}} SYNC;

-- unless: {{$fine}}
CREATE TABLE {{table "trace_index_fine"}} (
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
SETTINGS {{settings}}, index_granularity = 512;

-- unless: {{$fine}}
INSERT INTO {{table "trace_index_fine"}} SELECT * FROM {{table "trace_index"}};

-- unless: {{$fine}}
EXCHANGE TABLES {{table "trace_index_fine"}} AND {{table "trace_index"}};

DROP TABLE IF EXISTS {{table "trace_index_fine"}} SYNC;
