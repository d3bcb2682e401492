-- The keys of the attributes of resources and of scopes, once a day, as of log records: what
-- a name in a query may mean is asked before every query.
CREATE TABLE IF NOT EXISTS {{table "resource_keys"}} (
  tenant LowCardinality(String),
  retention_days UInt16,
  day Date CODEC(ZSTD(1)),
  holder Enum8('resource' = 1, 'scope' = 2),
  key String CODEC(ZSTD(1))
) ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY (day, retention_days)
ORDER BY (tenant, holder, key)
TTL day + toIntervalDay(retention_days)
SETTINGS {{settings}};
{{distributed "resource_keys" "cityHash64(key)"}}

CREATE MATERIALIZED VIEW IF NOT EXISTS {{table "resource_keys_feed"}} TO {{table "resource_keys"}} AS
SELECT tenant, retention_days, day, 'resource' AS holder,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM {{table "resources"}}
GROUP BY tenant, retention_days, day;

CREATE MATERIALIZED VIEW IF NOT EXISTS {{table "scope_keys_feed"}} TO {{table "resource_keys"}} AS
SELECT tenant, retention_days, day, 'scope' AS holder,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM {{table "scopes"}}
GROUP BY tenant, retention_days, day;

-- What was stored before.
INSERT INTO {{table "resource_keys"}}
SELECT tenant, retention_days, day, 'resource' AS holder,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM {{table "resources"}}
GROUP BY tenant, retention_days, day;

INSERT INTO {{table "resource_keys"}}
SELECT tenant, retention_days, day, 'scope' AS holder,
  arrayJoin(arrayConcat(distinctJSONPaths(attributes), groupUniqArrayArray(mapKeys(attributes_other)))) AS key
FROM {{table "scopes"}}
GROUP BY tenant, retention_days, day;
