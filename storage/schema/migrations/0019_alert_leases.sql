-- Which process evaluates a tenant's alert rules. Each turn is put once: the
-- token of an insert is made of its turn, so of two processes that put the same
-- one the later leaves no row. The row of the highest turn counts and is never
-- removed: without it turns would begin anew, with tokens of long ago.
CREATE TABLE IF NOT EXISTS {{table "alert_leases"}} (
  tenant LowCardinality(String),
  turn UInt64,
  holder String,
  url String,
  claimed_at DateTime64(9, 'UTC')
) ENGINE = {{engine "ReplacingMergeTree" "turn"}}
ORDER BY tenant
SETTINGS {{window}};
{{distributed "alert_leases" "cityHash64(tenant)"}}
