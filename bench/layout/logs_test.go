package layout

import (
	"testing"

	"github.com/trefoil-o11y/trefoil/bench/workload"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/chsql"
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
		{name: "no-view-of-resources", alter: []string{"DROP VIEW log_resources_feed"}},
		{name: "compact-parts", alter: alter("MODIFY SETTING min_bytes_for_wide_part = 134217728")},
		{name: "merge-blocks-of-65536", alter: alter("MODIFY SETTING merge_max_block_size = 65536, merge_max_block_size_bytes = 67108864")},
		{name: "no-statistics", alter: alter("MODIFY SETTING auto_statistics_types = ''")},
		{name: "no-statistics-larger-blocks", alter: alter("MODIFY SETTING auto_statistics_types = '', merge_max_block_size = 32768, merge_max_block_size_bytes = 41943040")},
		{name: "no-index-at-merge", alter: alter("MODIFY SETTING materialize_skip_indexes_on_merge = 0")},
		{name: "horizontal-merge", alter: alter("MODIFY SETTING enable_vertical_merge_algorithm = 0")},
		{name: "lz4-tokens", alter: alter("MODIFY COLUMN attribute_tokens CODEC(LZ4)")},
		{name: "lz4-ids", alter: alter("MODIFY COLUMN trace_id CODEC(LZ4), MODIFY COLUMN span_id CODEC(LZ4)")},
		{name: "lz4-attributes", alter: alter("MODIFY COLUMN attributes CODEC(LZ4)")},
	},
		count("user.id", "logs", own(b, "user.id", "u012345")),
		count("rare-word", "logs", chsql.Contains(chsql.Col("body"), "27af708a")),
		count("status-500", "logs", own(b, "http.response.status_code", "500")),
		count("trace", "logs", chsql.Eq(chsql.Col("trace_id"), chsql.Bytes(make([]byte, 15, 16)[:16]))))
}

// own is a condition on an attribute of the record, with a hint to the index.
func own(b *testing.B, key, value string) chsql.Expr {
	b.Helper()
	return attrcol.Indexed(attrcol.Matcher{Key: key, Value: value}, unindexed(b, key, value))
}

func unindexed(b *testing.B, key, value string) chsql.Expr {
	b.Helper()
	cond, err := attrcol.Own(attrcol.Matcher{Key: key, Value: value})
	if err != nil {
		b.Fatal(err)
	}
	return cond
}
