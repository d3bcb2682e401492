-- The keys of the attributes of log records, once a day: what a name in a query may
-- mean, and what is offered to choose from. Filled by what is inserted into logs.
CREATE TABLE IF NOT EXISTS {{table "log_keys"}} (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  key String CODEC(ZSTD(1))
) ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY (day, retention_days)
ORDER BY (tenant, key)
TTL day + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "log_keys" "cityHash64(key)"}}

-- The keys of a block, not of its rows: this costs next to nothing.
CREATE MATERIALIZED VIEW IF NOT EXISTS {{table "log_keys_feed"}} TO {{table "log_keys"}} AS
SELECT tenant, retention_days, toDate(time) AS day,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM {{table "logs"}}
GROUP BY tenant, retention_days, day;

-- What was stored before.
INSERT INTO {{table "log_keys"}}
SELECT tenant, retention_days, toDate(time) AS day,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM {{table "logs"}}
GROUP BY tenant, retention_days, day;
