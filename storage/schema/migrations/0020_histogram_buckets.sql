-- A bucket's counts beside each other instead of beside the buckets next to it, and sums as decimals; see package
-- histcol. Rows of before keep theirs in "counts", "count" and "sum".
ALTER TABLE {{table "histograms"}}
  ADD COLUMN IF NOT EXISTS buckets Tuple(UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) CODEC(Delta(8), ZSTD(3)) AFTER bounds,
  ADD COLUMN IF NOT EXISTS sum_digits Int64 CODEC(T64('bit'), ZSTD(3)) AFTER sum,
  ADD COLUMN IF NOT EXISTS sum_places UInt8 CODEC(ZSTD(1)) AFTER sum_digits,
  ADD COLUMN IF NOT EXISTS sum_ulps Int16 CODEC(T64('bit'), ZSTD(1)) AFTER sum_places,
  MODIFY COLUMN bounds CODEC(ZSTD(3));
-- The same for people who look; the program reads the columns.
ALTER TABLE {{table "histograms"}}
  ADD COLUMN IF NOT EXISTS point_counts Array(UInt64) ALIAS if(bitTest(flags, 7), arrayConcat(arraySlice([buckets.1, buckets.2, buckets.3, buckets.4, buckets.5, buckets.6, buckets.7, buckets.8, buckets.9, buckets.10, buckets.11, buckets.12, buckets.13, buckets.14, buckets.15, buckets.16], 1, length(bounds) + 1), counts), counts),
  ADD COLUMN IF NOT EXISTS point_count UInt64 ALIAS if(bitTest(flags, 7), count + arraySum(point_counts), count),
  ADD COLUMN IF NOT EXISTS point_sum Float64 ALIAS if(sum_digits = 0, sum, reinterpretAsFloat64(reinterpretAsInt64(sum_digits / exp10(sum_places)) + sum_ulps));
{{alter_distributed "histograms" "ADD COLUMN IF NOT EXISTS buckets Tuple(UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) AFTER bounds, ADD COLUMN IF NOT EXISTS sum_digits Int64 AFTER sum, ADD COLUMN IF NOT EXISTS sum_places UInt8 AFTER sum_digits, ADD COLUMN IF NOT EXISTS sum_ulps Int16 AFTER sum_places"}}
{{alter_distributed "histograms" "ADD COLUMN IF NOT EXISTS point_counts Array(UInt64) ALIAS if(bitTest(flags, 7), arrayConcat(arraySlice([buckets.1, buckets.2, buckets.3, buckets.4, buckets.5, buckets.6, buckets.7, buckets.8, buckets.9, buckets.10, buckets.11, buckets.12, buckets.13, buckets.14, buckets.15, buckets.16], 1, length(bounds) + 1), counts), counts), ADD COLUMN IF NOT EXISTS point_count UInt64 ALIAS if(bitTest(flags, 7), count + arraySum(point_counts), count), ADD COLUMN IF NOT EXISTS point_sum Float64 ALIAS if(sum_digits = 0, sum, reinterpretAsFloat64(reinterpretAsInt64(sum_digits / exp10(sum_places)) + sum_ulps))"}}
