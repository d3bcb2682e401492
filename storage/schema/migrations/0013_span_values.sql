-- What is offered to choose from when a query is written: the values that the
-- attributes of spans had, by hour and service, up to a bound for each key. They
-- come with the spans (tracestore.Vocabulary). A row of no type tells of a key
-- whose values are not listed.
CREATE TABLE IF NOT EXISTS {{table "span_values"}} (
  tenant LowCardinality(String),
  retention_days UInt16,
  hour DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  scope LowCardinality(String),
  key LowCardinality(String),
  service_name LowCardinality(String),
  type LowCardinality(String),
  value String CODEC(ZSTD(1))
) ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY (toDate(hour), retention_days)
ORDER BY (tenant, scope, key, hour, service_name, type, value)
TTL toDate(hour) + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "span_values" "cityHash64(scope, key)"}}

-- Their keys, once a day.
CREATE TABLE IF NOT EXISTS {{table "span_keys"}} (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  scope LowCardinality(String),
  key String CODEC(ZSTD(1))
) ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY (day, retention_days)
ORDER BY (tenant, scope, key)
TTL day + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "span_keys" "cityHash64(scope, key)"}}

CREATE MATERIALIZED VIEW IF NOT EXISTS {{table "span_keys_feed"}} TO {{table "span_keys"}} AS
SELECT tenant, retention_days, toDate(hour) AS day, scope, key
FROM {{table "span_values"}}
GROUP BY tenant, retention_days, day, scope, key;

-- The keys of what was stored before; its values are looked for in the spans.
INSERT INTO {{table "span_keys"}}
SELECT tenant, retention_days, toDate(start_time) AS day, 'span' AS scope,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM {{table "spans"}}
GROUP BY tenant, retention_days, day;
