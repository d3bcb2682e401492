-- 0001_resources
CREATE TABLE IF NOT EXISTS resources_local (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  resource_id UInt64,
  service_name LowCardinality(String),
  service_namespace LowCardinality(String),
  service_instance_id String CODEC(ZSTD(1)),
  attributes JSON(max_dynamic_paths=256),
  attributes_other Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  dropped_attributes_count UInt32 CODEC(ZSTD(1)),
  schema_url LowCardinality(String)
) ENGINE = ReplacingMergeTree
PARTITION BY (day, retention_days)
ORDER BY (tenant, resource_id)
TTL day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS resources AS resources_local ENGINE = Distributed('trefoil', currentDatabase(), 'resources_local', resource_id);

CREATE TABLE IF NOT EXISTS scopes_local (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  scope_id UInt64,
  name LowCardinality(String),
  version LowCardinality(String),
  attributes JSON(max_dynamic_paths=256),
  attributes_other Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  dropped_attributes_count UInt32 CODEC(ZSTD(1)),
  schema_url LowCardinality(String)
) ENGINE = ReplacingMergeTree
PARTITION BY (day, retention_days)
ORDER BY (tenant, scope_id)
TTL day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS scopes AS scopes_local ENGINE = Distributed('trefoil', currentDatabase(), 'scopes_local', scope_id);

-- 0002_logs
CREATE TABLE IF NOT EXISTS logs_local (
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
) ENGINE = MergeTree
PARTITION BY (toDate(time), retention_days)
ORDER BY (tenant, service_name, time, id)
TTL toDate(time) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS logs AS logs_local ENGINE = Distributed('trefoil', currentDatabase(), 'logs_local', id);

-- 0003_traces
CREATE TABLE IF NOT EXISTS spans_local (
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
) ENGINE = MergeTree
PARTITION BY (toDate(start_time), retention_days)
ORDER BY (tenant, service_name, name, start_time)
TTL toDate(start_time) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS spans AS spans_local ENGINE = Distributed('trefoil', currentDatabase(), 'spans_local', cityHash64(trace_id));

CREATE TABLE IF NOT EXISTS trace_index_local (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  day Date CODEC(ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  start_time SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(Delta(8), ZSTD(1)),
  end_time SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(Delta(8), ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY (day, retention_days)
ORDER BY (tenant, trace_id)
TTL day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS trace_index AS trace_index_local ENGINE = Distributed('trefoil', currentDatabase(), 'trace_index_local', cityHash64(trace_id));

-- 0004_metrics
CREATE TABLE IF NOT EXISTS series_local (
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
) ENGINE = ReplacingMergeTree
PARTITION BY (day, retention_days)
ORDER BY (tenant, metric_name, fingerprint)
TTL day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS series AS series_local ENGINE = Distributed('trefoil', currentDatabase(), 'series_local', fingerprint);

CREATE TABLE IF NOT EXISTS samples_local (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  fingerprint UInt64 CODEC(ZSTD(1)),
  hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  ts SimpleAggregateFunction(groupArrayArray, Array(Int64)) CODEC(DoubleDelta, ZSTD(1)),
  start_ts SimpleAggregateFunction(groupArrayArray, Array(Int64)) CODEC(Delta(8), ZSTD(1)),
  value SimpleAggregateFunction(groupArrayArray, Array(Float64)) CODEC(Gorilla, ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY (toDate(hour), retention_days)
ORDER BY (tenant, fingerprint, hour)
TTL toDate(hour) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS samples AS samples_local ENGINE = Distributed('trefoil', currentDatabase(), 'samples_local', fingerprint);

CREATE TABLE IF NOT EXISTS histograms_local (
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
) ENGINE = MergeTree
PARTITION BY (toDate(time), retention_days)
ORDER BY (tenant, fingerprint, time)
TTL toDate(time) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS histograms AS histograms_local ENGINE = Distributed('trefoil', currentDatabase(), 'histograms_local', fingerprint);

CREATE TABLE IF NOT EXISTS exemplars_local (
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
) ENGINE = MergeTree
PARTITION BY (toDate(time), retention_days)
ORDER BY (tenant, trace_id, time)
TTL toDate(time) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS exemplars AS exemplars_local ENGINE = Distributed('trefoil', currentDatabase(), 'exemplars_local', cityHash64(trace_id));

-- 0005_alerts
CREATE TABLE IF NOT EXISTS alert_instances_local (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  rule_id UInt64,
  fingerprint UInt64,
  group_name LowCardinality(String),
  alert LowCardinality(String),
  state UInt8,
  active_at DateTime64(9, 'UTC'),
  fired_at DateTime64(9, 'UTC'),
  resolved_at DateTime64(9, 'UTC'),
  keep_firing_since DateTime64(9, 'UTC'),
  value Float64,
  labels Map(String, String) CODEC(ZSTD(1)),
  annotations Map(String, String) CODEC(ZSTD(1)),
  updated_at DateTime64(9, 'UTC')
) ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (tenant, rule_id, fingerprint)
TTL toDateTime(updated_at) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS alert_instances AS alert_instances_local ENGINE = Distributed('trefoil', currentDatabase(), 'alert_instances_local', rule_id);

CREATE TABLE IF NOT EXISTS alert_groups_local (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  group_id UInt64,
  group_name LowCardinality(String),
  evaluated_at DateTime64(9, 'UTC'),
  updated_at DateTime64(9, 'UTC')
) ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (tenant, group_id)
TTL toDateTime(updated_at) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS alert_groups AS alert_groups_local ENGINE = Distributed('trefoil', currentDatabase(), 'alert_groups_local', group_id);

CREATE TABLE IF NOT EXISTS alert_notifications_local (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  receiver LowCardinality(String),
  group_key String CODEC(ZSTD(1)),
  sent_id String,
  sent_at DateTime64(9, 'UTC'),
  sent_firing Array(UInt64) CODEC(ZSTD(1)),
  sent_resolved Array(UInt64) CODEC(ZSTD(1)),
  sent_body String CODEC(ZSTD(1)),
  intent_id String,
  intent_at DateTime64(9, 'UTC'),
  intent_firing Array(UInt64) CODEC(ZSTD(1)),
  intent_resolved Array(UInt64) CODEC(ZSTD(1)),
  intent_body String CODEC(ZSTD(1)),
  updated_at DateTime64(9, 'UTC')
) ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (tenant, receiver, group_key)
TTL toDateTime(updated_at) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS alert_notifications AS alert_notifications_local ENGINE = Distributed('trefoil', currentDatabase(), 'alert_notifications_local', cityHash64(receiver, group_key));

CREATE TABLE IF NOT EXISTS alert_history_local (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  time DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
  event Enum8('pending' = 1, 'firing' = 2, 'resolved' = 3, 'dropped' = 4, 'notified' = 5),
  rule_id UInt64 CODEC(ZSTD(1)),
  fingerprint UInt64 CODEC(ZSTD(1)),
  group_name LowCardinality(String),
  alert LowCardinality(String),
  value Float64 CODEC(ZSTD(1)),
  labels Map(String, String) CODEC(ZSTD(1)),
  annotations Map(String, String) CODEC(ZSTD(1)),
  receiver LowCardinality(String),
  group_key String CODEC(ZSTD(1)),
  notification_id String CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY (toDate(time), retention_days)
ORDER BY (tenant, time, fingerprint)
TTL toDate(time) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS alert_history AS alert_history_local ENGINE = Distributed('trefoil', currentDatabase(), 'alert_history_local', fingerprint);

-- 0006_log_search
ALTER TABLE logs_local
  ADD COLUMN IF NOT EXISTS attribute_tokens Array(FixedString(4)) DEFAULT [toFixedString(unhex('00000000'), 4)] CODEC(ZSTD(1)) AFTER attributes_other,
  ADD INDEX IF NOT EXISTS attribute_tokens attribute_tokens TYPE bloom_filter(0.02) GRANULARITY 1,
  ADD INDEX IF NOT EXISTS resource_id resource_id TYPE set(256) GRANULARITY 1,
  ADD INDEX IF NOT EXISTS body body TYPE text(tokenizer = splitByNonAlpha);

ALTER TABLE logs ADD COLUMN IF NOT EXISTS attribute_tokens Array(FixedString(4)) AFTER attributes_other;

-- 0007_span_search
ALTER TABLE spans_local
  ADD COLUMN IF NOT EXISTS attribute_tokens Array(FixedString(4)) DEFAULT [toFixedString(unhex('00000000'), 4)] CODEC(ZSTD(1)) AFTER attributes_other,
  ADD INDEX IF NOT EXISTS attribute_tokens attribute_tokens TYPE bloom_filter(0.02) GRANULARITY 1,
  ADD INDEX IF NOT EXISTS resource_id resource_id TYPE set(256) GRANULARITY 1;

ALTER TABLE spans ADD COLUMN IF NOT EXISTS attribute_tokens Array(FixedString(4)) AFTER attributes_other;

-- 0008_alert_silences
CREATE TABLE IF NOT EXISTS alert_silences_local (
  tenant LowCardinality(String),
  id String,
  expires_at DateTime64(9, 'UTC'),
  data String CODEC(ZSTD(1)),
  updated_at DateTime64(9, 'UTC')
) ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (tenant, id)
TTL toDateTime(expires_at)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS alert_silences AS alert_silences_local ENGINE = Distributed('trefoil', currentDatabase(), 'alert_silences_local', cityHash64(id));

-- 0009_log_keys
CREATE TABLE IF NOT EXISTS log_keys_local (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  key String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY (day, retention_days)
ORDER BY (tenant, key)
TTL day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS log_keys AS log_keys_local ENGINE = Distributed('trefoil', currentDatabase(), 'log_keys_local', cityHash64(key));

CREATE MATERIALIZED VIEW IF NOT EXISTS log_keys_feed_local TO log_keys_local AS
SELECT tenant, retention_days, toDate(time) AS day,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM logs_local
GROUP BY tenant, retention_days, day;

INSERT INTO log_keys_local
SELECT tenant, retention_days, toDate(time) AS day,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM logs_local
GROUP BY tenant, retention_days, day;

-- 0010_log_body_kinds
ALTER TABLE logs_local
  ADD INDEX IF NOT EXISTS body_kind body_kind TYPE minmax GRANULARITY 8;

-- 0011_merges
ALTER TABLE logs_local MODIFY SETTING merge_selector_base = 10;

ALTER TABLE spans_local MODIFY SETTING merge_selector_base = 10;

-- 0012_sample_packs
CREATE TABLE IF NOT EXISTS sample_packs_local (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  fingerprint UInt64 CODEC(ZSTD(1)),
  hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  stored UInt64 CODEC(ZSTD(1)),
  pack String CODEC(LZ4)
) ENGINE = ReplacingMergeTree(stored)
PARTITION BY (toDate(hour), retention_days)
ORDER BY (tenant, fingerprint, hour)
TTL toDate(hour) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity = 1024;

CREATE TABLE IF NOT EXISTS sample_packs AS sample_packs_local ENGINE = Distributed('trefoil', currentDatabase(), 'sample_packs_local', fingerprint);

-- 0013_span_values
CREATE TABLE IF NOT EXISTS span_values_local (
  tenant LowCardinality(String),
  retention_days UInt16,
  hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  scope LowCardinality(String),
  key LowCardinality(String),
  service_name LowCardinality(String),
  type LowCardinality(String),
  value String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY (toDate(hour), retention_days)
ORDER BY (tenant, scope, key, hour, service_name, type, value)
TTL toDate(hour) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS span_values AS span_values_local ENGINE = Distributed('trefoil', currentDatabase(), 'span_values_local', cityHash64(scope, key));

CREATE TABLE IF NOT EXISTS span_keys_local (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  scope LowCardinality(String),
  key String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY (day, retention_days)
ORDER BY (tenant, scope, key)
TTL day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS span_keys AS span_keys_local ENGINE = Distributed('trefoil', currentDatabase(), 'span_keys_local', cityHash64(scope, key));

CREATE MATERIALIZED VIEW IF NOT EXISTS span_keys_feed_local TO span_keys_local AS
SELECT tenant, retention_days, toDate(hour) AS day, scope, key
FROM span_values_local
GROUP BY tenant, retention_days, day, scope, key;

INSERT INTO span_keys_local
SELECT tenant, retention_days, toDate(start_time) AS day, 'span' AS scope,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM spans_local
GROUP BY tenant, retention_days, day;

-- 0014_sample_values
ALTER TABLE samples_local MODIFY COLUMN value CODEC(Delta(8), ZSTD(1));

-- 0015_histogram_counts
ALTER TABLE histograms_local MODIFY COLUMN counts CODEC(T64('bit'), ZSTD(3));

-- 0016_log_times
ALTER TABLE logs_local
  MODIFY COLUMN time CODEC(T64, LZ4),
  MODIFY COLUMN observed_time CODEC(T64, LZ4);

-- 0017_span_times
ALTER TABLE spans_local
  MODIFY COLUMN start_time CODEC(T64, LZ4),
  MODIFY COLUMN duration CODEC(T64, LZ4);

-- 0018_log_key_places
ALTER TABLE log_keys_local
  ADD COLUMN IF NOT EXISTS place Enum8('unknown' = 0, 'typed' = 1, 'other' = 2),
  MODIFY ORDER BY (tenant, key, place);

ALTER TABLE log_keys ADD COLUMN IF NOT EXISTS place Enum8('unknown' = 0, 'typed' = 1, 'other' = 2);

ALTER TABLE log_keys_feed_local MODIFY QUERY
SELECT tenant, retention_days, day, found.1 AS key, found.2 AS place
FROM (
  SELECT tenant, retention_days, toDate(time) AS day, arrayJoin(arrayConcat(
    arrayMap(k -> (k, 'typed'), distinctJSONPaths(attributes)),
    arrayMap(k -> (k, 'other'), groupUniqArrayArray(mapKeys(attributes_other))))) AS found
  FROM logs_local
  GROUP BY tenant, retention_days, day
);

-- 0019_alert_leases
CREATE TABLE IF NOT EXISTS alert_leases_local (
  tenant LowCardinality(String),
  turn UInt64,
  holder String,
  url String,
  claimed_at DateTime64(9, 'UTC')
) ENGINE = ReplacingMergeTree(turn)
ORDER BY tenant
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS alert_leases AS alert_leases_local ENGINE = Distributed('trefoil', currentDatabase(), 'alert_leases_local', cityHash64(tenant));

-- 0020_histogram_buckets
ALTER TABLE histograms_local
  ADD COLUMN IF NOT EXISTS buckets Tuple(UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) CODEC(Delta(8), ZSTD(3)) AFTER bounds,
  ADD COLUMN IF NOT EXISTS sum_digits Int64 CODEC(T64('bit'), ZSTD(3)) AFTER sum,
  ADD COLUMN IF NOT EXISTS sum_places UInt8 CODEC(ZSTD(1)) AFTER sum_digits,
  ADD COLUMN IF NOT EXISTS sum_ulps Int16 CODEC(T64('bit'), ZSTD(1)) AFTER sum_places,
  MODIFY COLUMN bounds CODEC(ZSTD(3));

ALTER TABLE histograms_local
  ADD COLUMN IF NOT EXISTS point_counts Array(UInt64) ALIAS if(bitTest(flags, 7), arrayConcat(arraySlice([buckets.1, buckets.2, buckets.3, buckets.4, buckets.5, buckets.6, buckets.7, buckets.8, buckets.9, buckets.10, buckets.11, buckets.12, buckets.13, buckets.14, buckets.15, buckets.16], 1, length(bounds) + 1), counts), counts),
  ADD COLUMN IF NOT EXISTS point_count UInt64 ALIAS if(bitTest(flags, 7), count + arraySum(point_counts), count),
  ADD COLUMN IF NOT EXISTS point_sum Float64 ALIAS if(sum_digits = 0, sum, reinterpretAsFloat64(reinterpretAsInt64(sum_digits / exp10(sum_places)) + sum_ulps));

ALTER TABLE histograms ADD COLUMN IF NOT EXISTS buckets Tuple(UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) AFTER bounds, ADD COLUMN IF NOT EXISTS sum_digits Int64 AFTER sum, ADD COLUMN IF NOT EXISTS sum_places UInt8 AFTER sum_digits, ADD COLUMN IF NOT EXISTS sum_ulps Int16 AFTER sum_places;

ALTER TABLE histograms ADD COLUMN IF NOT EXISTS point_counts Array(UInt64) ALIAS if(bitTest(flags, 7), arrayConcat(arraySlice([buckets.1, buckets.2, buckets.3, buckets.4, buckets.5, buckets.6, buckets.7, buckets.8, buckets.9, buckets.10, buckets.11, buckets.12, buckets.13, buckets.14, buckets.15, buckets.16], 1, length(bounds) + 1), counts), counts), ADD COLUMN IF NOT EXISTS point_count UInt64 ALIAS if(bitTest(flags, 7), count + arraySum(point_counts), count), ADD COLUMN IF NOT EXISTS point_sum Float64 ALIAS if(sum_digits = 0, sum, reinterpretAsFloat64(reinterpretAsInt64(sum_digits / exp10(sum_places)) + sum_ulps));

-- 0021_series_observed
ALTER TABLE series_local
  ADD COLUMN IF NOT EXISTS observed DateTime64(3, 'UTC') CODEC(ZSTD(1)),
  MODIFY ORDER BY (tenant, metric_name, fingerprint, observed);

ALTER TABLE series ADD COLUMN IF NOT EXISTS observed DateTime64(3, 'UTC');

-- 0022_spans_by_trace
-- unless: SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'spans_local' AND position(sorting_key, 'trace_id') > 0
DROP TABLE IF EXISTS spans_by_trace_local SYNC;

-- unless: SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'spans_local' AND position(sorting_key, 'trace_id') > 0
CREATE TABLE spans_by_trace_local (
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
) ENGINE = MergeTree
PARTITION BY (toDate(start_time), retention_days)
ORDER BY (tenant, toStartOfMinute(start_time), trace_id, start_time)
TTL toDate(start_time) + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, merge_selector_base = 10;

-- unless: SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'spans_local' AND position(sorting_key, 'trace_id') > 0
INSERT INTO spans_by_trace_local SELECT * FROM spans_local;

-- unless: SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'spans_local' AND position(sorting_key, 'trace_id') > 0
EXCHANGE TABLES spans_by_trace_local AND spans_local;

DROP TABLE IF EXISTS spans_by_trace_local SYNC;

-- unless: SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'trace_index_local' AND position(create_table_query, 'index_granularity = 512') > 0
DROP TABLE IF EXISTS trace_index_fine_local SYNC;

-- unless: SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'trace_index_local' AND position(create_table_query, 'index_granularity = 512') > 0
CREATE TABLE trace_index_fine_local (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  day Date CODEC(ZSTD(1)),
  trace_id FixedString(16) CODEC(ZSTD(1)),
  start_time SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(Delta(8), ZSTD(1)),
  end_time SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(Delta(8), ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY (day, retention_days)
ORDER BY (tenant, trace_id)
TTL day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity = 512;

-- unless: SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'trace_index_local' AND position(create_table_query, 'index_granularity = 512') > 0
INSERT INTO trace_index_fine_local SELECT * FROM trace_index_local;

-- unless: SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'trace_index_local' AND position(create_table_query, 'index_granularity = 512') > 0
EXCHANGE TABLES trace_index_fine_local AND trace_index_local;

DROP TABLE IF EXISTS trace_index_fine_local SYNC;

-- 0023_series_origin
ALTER TABLE series_local ADD COLUMN IF NOT EXISTS prometheus Bool CODEC(ZSTD(1));

ALTER TABLE series ADD COLUMN IF NOT EXISTS prometheus Bool;

-- 0024_fewer_merges
ALTER TABLE logs_local MODIFY SETTING merge_selector_base = 30, max_bytes_to_merge_at_max_space_in_pool = 4294967296;

-- 0025_sample_rollups
CREATE TABLE IF NOT EXISTS sample_rollups_local (
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
) ENGINE = ReplacingMergeTree(stored)
PARTITION BY (day, retention_days)
ORDER BY (tenant, bucket, fingerprint)
TTL day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity = 512;

CREATE TABLE IF NOT EXISTS sample_rollups AS sample_rollups_local ENGINE = Distributed('trefoil', currentDatabase(), 'sample_rollups_local', fingerprint);

-- 0026_log_key_types
ALTER TABLE log_keys_local
  MODIFY COLUMN place Enum8('unknown' = 0, 'typed' = 1, 'other' = 2, 'String' = 3, 'Int64' = 4, 'Float64' = 5, 'Bool' = 6);

ALTER TABLE log_keys MODIFY COLUMN place Enum8('unknown' = 0, 'typed' = 1, 'other' = 2, 'String' = 3, 'Int64' = 4, 'Float64' = 5, 'Bool' = 6);

ALTER TABLE log_keys_feed_local MODIFY QUERY
SELECT tenant, retention_days, day, found.1 AS key, found.2 AS place
FROM (
  SELECT tenant, retention_days, day, arrayJoin(arrayConcat(
    arrayFlatten(arrayMap((k, types) -> arrayMap(t -> (k, if(t IN ('String', 'Int64', 'Float64', 'Bool'), t, 'typed')), types), mapKeys(typed), mapValues(typed))),
    arrayMap(k -> (k, 'other'), others))) AS found
  FROM (
    SELECT tenant, retention_days, toDate(time) AS day, distinctJSONPathsAndTypes(attributes) AS typed, groupUniqArrayArray(mapKeys(attributes_other)) AS others
    FROM logs_local
    GROUP BY tenant, retention_days, day
  )
);

-- 0027_span_key_types
CREATE TABLE IF NOT EXISTS span_key_types_local (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  key String CODEC(ZSTD(1)),
  place Enum8('unknown' = 0, 'typed' = 1, 'other' = 2, 'String' = 3, 'Int64' = 4, 'Float64' = 5, 'Bool' = 6)
) ENGINE = ReplacingMergeTree
PARTITION BY (day, retention_days)
ORDER BY (tenant, key, place)
TTL day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS span_key_types AS span_key_types_local ENGINE = Distributed('trefoil', currentDatabase(), 'span_key_types_local', cityHash64(key));

CREATE MATERIALIZED VIEW IF NOT EXISTS span_key_types_feed_local TO span_key_types_local AS
SELECT tenant, retention_days, day, found.1 AS key, found.2 AS place
FROM (
  SELECT tenant, retention_days, day, arrayJoin(arrayConcat(
    arrayFlatten(arrayMap((k, types) -> arrayMap(t -> (k, if(t IN ('String', 'Int64', 'Float64', 'Bool'), t, 'typed')), types), mapKeys(typed), mapValues(typed))),
    arrayMap(k -> (k, 'other'), others))) AS found
  FROM (
    SELECT tenant, retention_days, toDate(start_time) AS day, distinctJSONPathsAndTypes(attributes) AS typed, groupUniqArrayArray(mapKeys(attributes_other)) AS others
    FROM spans_local
    GROUP BY tenant, retention_days, day
  )
);

INSERT INTO span_key_types_local
SELECT DISTINCT tenant, retention_days, toDate(start_time) AS day, '' AS key, 'unknown' AS place
FROM spans_local;

-- 0028_log_ascii
ALTER TABLE logs_local
  ADD INDEX IF NOT EXISTS body_ascii isValidASCII(body) TYPE minmax GRANULARITY 8;

ALTER TABLE logs_local
  MATERIALIZE INDEX body_ascii;

-- 0029_signal_resources
CREATE TABLE IF NOT EXISTS signal_resources_local (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  signal Enum8('logs' = 1, 'traces' = 2),
  resource_id UInt64,
  first SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
  last SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY (day, retention_days)
ORDER BY (tenant, signal, resource_id)
TTL day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS signal_resources AS signal_resources_local ENGINE = Distributed('trefoil', currentDatabase(), 'signal_resources_local', resource_id);

CREATE MATERIALIZED VIEW IF NOT EXISTS log_resources_feed_local TO signal_resources_local AS
SELECT tenant, retention_days, toDate(time) AS day, 'logs' AS signal, resource_id, min(time) AS first, max(time) AS last
FROM logs_local
GROUP BY tenant, retention_days, day, resource_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS span_resources_feed_local TO signal_resources_local AS
SELECT tenant, retention_days, toDate(start_time) AS day, 'traces' AS signal, resource_id, min(start_time) AS first, max(start_time) AS last
FROM spans_local
GROUP BY tenant, retention_days, day, resource_id;

INSERT INTO signal_resources_local
SELECT DISTINCT tenant, retention_days, _partition_value.1 AS day, 'logs' AS signal, resource_id,
  toDateTime64(day, 9, 'UTC') AS first, first + toIntervalDay(1) AS last
FROM logs_local;

INSERT INTO signal_resources_local
SELECT DISTINCT tenant, retention_days, _partition_value.1 AS day, 'traces' AS signal, resource_id,
  toDateTime64(day, 9, 'UTC') AS first, first + toIntervalDay(1) AS last
FROM spans_local;

-- 0030_resource_keys
CREATE TABLE IF NOT EXISTS resource_keys_local (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  holder Enum8('resource' = 1, 'scope' = 2),
  key String CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY (day, retention_days)
ORDER BY (tenant, holder, key)
TTL day + toIntervalDay(retention_days)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS resource_keys AS resource_keys_local ENGINE = Distributed('trefoil', currentDatabase(), 'resource_keys_local', cityHash64(key));

CREATE MATERIALIZED VIEW IF NOT EXISTS resource_keys_feed_local TO resource_keys_local AS
SELECT tenant, retention_days, day, 'resource' AS holder,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM resources_local
GROUP BY tenant, retention_days, day;

CREATE MATERIALIZED VIEW IF NOT EXISTS scope_keys_feed_local TO resource_keys_local AS
SELECT tenant, retention_days, day, 'scope' AS holder,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM scopes_local
GROUP BY tenant, retention_days, day;

INSERT INTO resource_keys_local
SELECT tenant, retention_days, day, 'resource' AS holder,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM resources_local
GROUP BY tenant, retention_days, day;

INSERT INTO resource_keys_local
SELECT tenant, retention_days, day, 'scope' AS holder,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM scopes_local
GROUP BY tenant, retention_days, day;

