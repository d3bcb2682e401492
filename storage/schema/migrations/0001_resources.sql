-- What produced the telemetry, once a day.
CREATE TABLE IF NOT EXISTS {{table "resources"}} (
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
) ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY (day, retention_days)
ORDER BY (tenant, resource_id)
TTL day + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "resources" "resource_id"}}

CREATE TABLE IF NOT EXISTS {{table "scopes"}} (
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
) ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY (day, retention_days)
ORDER BY (tenant, scope_id)
TTL day + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "scopes" "scope_id"}}
