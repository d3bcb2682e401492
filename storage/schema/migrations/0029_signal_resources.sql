-- Which resources have logs and which have spans, and from when to when on a day: names are offered of those that a
-- question is about. Filled by what is inserted.
CREATE TABLE IF NOT EXISTS {{table "signal_resources"}} (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  signal Enum8('logs' = 1, 'traces' = 2),
  resource_id UInt64,
  first SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
  last SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(ZSTD(1))
) ENGINE = {{engine "AggregatingMergeTree"}}
PARTITION BY (day, retention_days)
ORDER BY (tenant, signal, resource_id)
TTL day + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "signal_resources" "resource_id"}}

CREATE MATERIALIZED VIEW IF NOT EXISTS {{table "log_resources_feed"}} TO {{table "signal_resources"}} AS
SELECT tenant, retention_days, toDate(time) AS day, 'logs' AS signal, resource_id, min(time) AS first, max(time) AS last
FROM {{table "logs"}}
GROUP BY tenant, retention_days, day, resource_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{table "span_resources_feed"}} TO {{table "signal_resources"}} AS
SELECT tenant, retention_days, toDate(start_time) AS day, 'traces' AS signal, resource_id, min(start_time) AS first, max(start_time) AS last
FROM {{table "spans"}}
GROUP BY tenant, retention_days, day, resource_id;

-- What was stored before is taken to be there all day: partitions tell the day, and no time is read.
INSERT INTO {{table "signal_resources"}}
SELECT DISTINCT tenant, retention_days, _partition_value.1 AS day, 'logs' AS signal, resource_id,
  toDateTime64(day, 9, 'UTC') AS first, first + toIntervalDay(1) AS last
FROM {{table "logs"}};

INSERT INTO {{table "signal_resources"}}
SELECT DISTINCT tenant, retention_days, _partition_value.1 AS day, 'traces' AS signal, resource_id,
  toDateTime64(day, 9, 'UTC') AS first, first + toIntervalDay(1) AS last
FROM {{table "spans"}};
