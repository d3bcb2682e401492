package layout

import (
	"testing"

	"github.com/trefoil-o11y/trefoil/bench/workload"
)

// BenchmarkLogs asks what each search index, and what compression, costs. The
// engine's first inserts pay for memory that later ones find there, so the first
// row is to be left out.
func BenchmarkLogs(b *testing.B) {
	alter := func(change string) []string { return []string{"ALTER TABLE logs " + change} }
	measure(b, workload.Logs, "logs", []variant{
		{name: "warm-up"},
		{name: "as-it-is"},
		{name: "no-text-index", alter: alter("DROP INDEX body")},
		{name: "no-token-index", alter: alter("DROP INDEX attribute_tokens")},
		{name: "no-trace-index", alter: alter("DROP INDEX trace_id")},
		{name: "no-resource-index", alter: alter("DROP INDEX resource_id")},
		{name: "no-view", alter: []string{"DROP VIEW log_keys_feed"}},
		{name: "compact-parts", alter: alter("MODIFY SETTING min_bytes_for_wide_part = 134217728")},
		{name: "merge-blocks-of-65536", alter: alter("MODIFY SETTING merge_max_block_size = 65536, merge_max_block_size_bytes = 67108864")},
		{name: "lz4-tokens", alter: alter("MODIFY COLUMN attribute_tokens CODEC(LZ4)")},
		{name: "lz4-ids", alter: alter("MODIFY COLUMN trace_id CODEC(LZ4), MODIFY COLUMN span_id CODEC(LZ4)")},
		{name: "lz4-attributes", alter: alter("MODIFY COLUMN attributes CODEC(LZ4)")},
	})
}

func BenchmarkSpans(b *testing.B) {
	alter := func(change string) []string { return []string{"ALTER TABLE spans " + change} }
	measure(b, workload.Spans, "spans", []variant{
		{name: "warm-up"},
		{name: "as-it-is"},
		{name: "no-token-index", alter: alter("DROP INDEX attribute_tokens")},
		{name: "lz4-attributes", alter: alter("MODIFY COLUMN attributes CODEC(LZ4)")},
	})
}

func BenchmarkSamples(b *testing.B) {
	values := func(codec string) variant {
		return variant{name: "values " + codec, alter: []string{"ALTER TABLE samples MODIFY COLUMN value CODEC(" + codec + ")"}}
	}
	measure(b, workload.Metrics, "samples", []variant{{name: "warm-up"}, {name: "as-it-is"}, values("LZ4"), values("ZSTD(1)"), values("ZSTD(3)"),
		values("FPC(8), ZSTD(1)"), values("Gorilla, ZSTD(1)"), values("Delta(8), ZSTD(3)")})
}

func BenchmarkHistograms(b *testing.B) {
	counts := func(codec string) variant {
		return variant{name: "counts " + codec, alter: []string{"ALTER TABLE histograms MODIFY COLUMN counts CODEC(" + codec + ")"}}
	}
	sums := func(codec string) variant {
		return variant{name: "sums " + codec, alter: []string{"ALTER TABLE histograms MODIFY COLUMN sum CODEC(" + codec + ")"}}
	}
	measure(b, workload.Metrics, "histograms", []variant{{name: "warm-up"}, {name: "as-it-is"},
		counts("ZSTD(3)"), counts("Delta(8), ZSTD(1)"), counts("DoubleDelta, ZSTD(1)"), counts("T64, ZSTD(1)"),
		counts("T64('bit'), ZSTD(1)"), counts("ZSTD(1)"), counts("T64('bit'), LZ4"),
		sums("Gorilla, ZSTD(1)"), sums("FPC(8), ZSTD(1)")})
}
