package layout

import (
	"strings"
	"testing"

	"github.com/trefoil-o11y/trefoil/bench/workload"
)

// BenchmarkSamples compares codecs of values.
func BenchmarkSamples(b *testing.B) {
	values := func(codec string) variant {
		return variant{name: "values " + codec, alter: []string{"ALTER TABLE samples MODIFY COLUMN value CODEC(" + codec + ")"}}
	}
	measure(b, workload.Metrics, "samples", []variant{{name: "warm-up"}, {name: "as-it-is"}, values("LZ4"), values("ZSTD(1)"), values("ZSTD(3)"),
		values("FPC(8), ZSTD(1)"), values("Gorilla, ZSTD(1)"), values("Delta(8), ZSTD(2)"), values("Delta(8), ZSTD(3)"), values("Delta(8), ZSTD(5)"), values("Delta(8), ZSTD(8)")})
}

// BenchmarkHistograms compares codecs; what stood there before is the migration
// before, see the decision.
func BenchmarkHistograms(b *testing.B) {
	column := func(name, codec string) variant {
		return variant{name: name + " " + codec, alter: []string{"ALTER TABLE histograms MODIFY COLUMN " + name + " CODEC(" + codec + ")"}}
	}
	narrow := strings.TrimSuffix(strings.Repeat("UInt32, ", 16), ", ")
	measure(b, workload.Metrics, "histograms", []variant{{name: "warm-up"}, {name: "as-it-is"},
		column("buckets", "T64('bit'), ZSTD(3)"), column("buckets", "T64('bit'), LZ4"), column("buckets", "T64, ZSTD(3)"),
		column("buckets", "DoubleDelta, ZSTD(1)"), column("buckets", "ZSTD(3)"),
		column("buckets", "Delta(8), ZSTD(1)"), column("buckets", "Delta(8), ZSTD(3)"), column("buckets", "Delta(8), ZSTD(6)"), column("buckets", "Delta(8), ZSTD(9)"),
		column("buckets", "Delta(8), LZ4"),
		{name: "buckets of 32 bits", alter: []string{"ALTER TABLE histograms MODIFY COLUMN buckets Tuple(" + narrow + ") CODEC(Delta(4), ZSTD(3))"}},
		column("bounds", "ZSTD(3)"), column("bounds", "LZ4"), column("sum_ulps", "T64('bit'), ZSTD(1)"), column("sum_ulps", "Delta(2), ZSTD(3)"),
		column("buckets", "Delta(8), ZSTD(2)"), column("buckets", "Delta(8), ZSTD(4)"), column("sum_digits", "Delta(8), ZSTD(1)"), column("sum_digits", "Delta(8), ZSTD(3)"), column("sum_digits", "T64('bit'), ZSTD(3)"),
		column("sum_digits", "T64, ZSTD(3)"), column("sum_digits", "DoubleDelta, ZSTD(1)"), column("sum_digits", "ZSTD(3)")})
}
