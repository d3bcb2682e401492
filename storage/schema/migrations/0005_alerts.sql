-- The state of every alert instance: the newest row of a key counts. State
-- has no day, so these tables are not partitioned by one and their rows expire
-- one by one. A row never outlives a newer one of its key, so nothing over can
-- come back; what is active is written again long before it expires.
CREATE TABLE IF NOT EXISTS {{table "alert_instances"}} (
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
) ENGINE = {{engine "ReplacingMergeTree" "updated_at"}}
ORDER BY (tenant, rule_id, fingerprint)
TTL toDateTime(updated_at) + toIntervalDay(retention_days)
SETTINGS {{window}};
{{distributed "alert_instances" "rule_id"}}

-- When each group was last evaluated: what a restart needs to know how long
-- nobody looked.
CREATE TABLE IF NOT EXISTS {{table "alert_groups"}} (
  tenant LowCardinality(String),
  retention_days UInt16 CODEC(ZSTD(1)),
  group_id UInt64,
  group_name LowCardinality(String),
  evaluated_at DateTime64(9, 'UTC'),
  updated_at DateTime64(9, 'UTC')
) ENGINE = {{engine "ReplacingMergeTree" "updated_at"}}
ORDER BY (tenant, group_id)
TTL toDateTime(updated_at) + toIntervalDay(retention_days)
SETTINGS {{window}};
{{distributed "alert_groups" "group_id"}}

-- What each receiver was told about each group of alerts, and what it was
-- about to be told. The newest row of a key counts.
CREATE TABLE IF NOT EXISTS {{table "alert_notifications"}} (
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
) ENGINE = {{engine "ReplacingMergeTree" "updated_at"}}
ORDER BY (tenant, receiver, group_key)
TTL toDateTime(updated_at) + toIntervalDay(retention_days)
SETTINGS {{window}};
{{distributed "alert_notifications" "cityHash64(receiver, group_key)"}}

-- What happened, for people: never changed, never read back as state.
CREATE TABLE IF NOT EXISTS {{table "alert_history"}} (
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
) ENGINE = {{engine "MergeTree"}}
PARTITION BY (toDate(time), retention_days)
ORDER BY (tenant, time, fingerprint)
TTL toDate(time) + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "alert_history" "fingerprint"}}
