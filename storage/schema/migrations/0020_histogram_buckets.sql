-- A bucket's counts beside each other instead of beside the buckets next to it, and sums as decimals; see package
-- histcol. Rows of before keep theirs in "counts", "count" and "sum".
ALTER TABLE {{table "histograms"}}
  ADD COLUMN IF NOT EXISTS buckets Tuple(UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) CODEC(Delta(8), ZSTD(3)) AFTER bounds,
  ADD COLUMN IF NOT EXISTS sum_digits Int64 CODEC(T64('bit'), ZSTD(3)) AFTER sum,
  ADD COLUMN IF NOT EXISTS sum_places UInt8 CODEC(ZSTD(1)) AFTER sum_digits,
  ADD COLUMN IF NOT EXISTS sum_ulps Int16 CODEC(T64('bit'), ZSTD(1)) AFTER sum_places,
  MODIFY COLUMN bounds CODEC(ZSTD(3));
{{alter_distributed "histograms" "ADD COLUMN IF NOT EXISTS buckets Tuple(UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) AFTER bounds, ADD COLUMN IF NOT EXISTS sum_digits Int64 AFTER sum, ADD COLUMN IF NOT EXISTS sum_places UInt8 AFTER sum_digits, ADD COLUMN IF NOT EXISTS sum_ulps Int16 AFTER sum_places"}}
