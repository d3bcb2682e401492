-- The counts of a row lie far apart, the high bits of its neighbours' do not: bits of the same weight side by side.
ALTER TABLE {{table "histograms"}} MODIFY COLUMN counts CODEC(T64('bit'), ZSTD(3));
