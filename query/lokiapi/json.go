package lokiapi

import (
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/trefoil-o11y/trefoil/query/explained"
	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/sampletext"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

func document(v any) ([]byte, error) { return json.Marshal(v) }

func appendLabels(b []byte, list []logpipe.Label) []byte {
	b = append(b, '{')
	for i, l := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(attribute.AppendQuoted(b, l.Name), ':')
		b = attribute.AppendQuoted(b, l.Value)
	}
	return append(b, '}')
}

// appendStreams writes lines as streams in the order their first lines come.
// Categorized, a stream has the labels of the resource and a line those of other
// sources; otherwise a stream has all labels.
func appendStreams(b []byte, lines []logexec.Line, categorized bool) []byte {
	order, byKey := []string{}, map[string][]*logexec.Line{}
	for i := range lines {
		l := &lines[i]
		labels := l.Labels
		if categorized {
			labels = l.Stream
		}
		k := logpipe.Text(labels)
		if _, known := byKey[k]; !known {
			order = append(order, k)
		}
		byKey[k] = append(byKey[k], l)
	}
	b = append(b, '[')
	for i, k := range order {
		if i > 0 {
			b = append(b, ',')
		}
		group := byKey[k]
		b = append(b, `{"stream":`...)
		if categorized {
			b = appendLabels(b, group[0].Stream)
		} else {
			b = appendLabels(b, group[0].Labels)
		}
		b = append(b, `,"values":[`...)
		for j, l := range group {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(b, `["`...)
			b = append(strconv.AppendInt(b, l.Time, 10), `",`...)
			b = attribute.AppendQuoted(b, l.Text)
			if categorized {
				b = appendCategories(b, l)
			}
			b = append(b, ']')
		}
		b = append(b, `]}`...)
	}
	return append(b, ']')
}

func appendCategories(b []byte, l *logexec.Line) []byte {
	b = append(b, `,{`...)
	if len(l.Metadata) > 0 {
		b = append(b, `"structuredMetadata":`...)
		b = appendLabels(b, l.Metadata)
	}
	if len(l.Parsed) > 0 {
		if len(l.Metadata) > 0 {
			b = append(b, ',')
		}
		b = append(b, `"parsed":`...)
		b = appendLabels(b, l.Parsed)
	}
	return append(b, '}')
}

func appendPoint(b []byte, s *logexec.Samples, i int, v float64) []byte {
	b = append(b, '[')
	b = sampletext.AppendTime(b, s.Time(i).UnixMilli())
	b = append(b, `,"`...)
	b = strconv.AppendFloat(b, v, 'f', -1, 64)
	return append(b, `"]`...)
}

// appendSamples writes a vector, a matrix or a scalar, with its type.
func appendSamples(b []byte, s *logexec.Samples, matrix bool) []byte {
	if s.Scalar && !matrix {
		b = append(b, `"resultType":"scalar","result":`...)
		return appendPoint(b, s, 0, s.Series[0].Values[0])
	}
	kind, field := "vector", "value"
	if matrix {
		kind, field = "matrix", "values"
	}
	b = append(b, `"resultType":"`+kind+`","result":[`...)
	for i, series := range s.Series {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"metric":`...)
		b = appendLabels(b, series.Labels)
		b = append(b, `,"`+field+`":`...)
		if !matrix {
			b = appendPoint(b, s, 0, series.Values[0])
		} else {
			first := true
			b = append(b, '[')
			for k, has := range series.Has {
				if !has {
					continue
				}
				if !first {
					b = append(b, ',')
				}
				first = false
				b = appendPoint(b, s, k, series.Values[k])
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendStats writes what the query cost in the shape Loki's clients read.
func appendStats(b []byte, s logexec.Stats) []byte {
	seconds := max(s.Elapsed.Seconds(), 1e-9)
	raw, err := json.Marshal(map[string]any{
		"summary": map[string]any{
			"bytesProcessedPerSecond": int64(float64(s.Bytes) / seconds), "linesProcessedPerSecond": int64(float64(s.Rows) / seconds),
			"totalBytesProcessed": s.Bytes, "totalLinesProcessed": s.Rows, "execTime": s.Elapsed.Seconds(), "queueTime": 0.0,
			"subqueries": 0, "splits": 0, "shards": 0, "totalEntriesReturned": s.Lines, "totalPostFilterLines": s.Entries, "totalStructuredMetadataBytesProcessed": 0,
		},
		"querier": map[string]any{"store": map[string]any{"totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0,
			"chunk": map[string]any{"headChunkBytes": 0, "headChunkLines": 0, "decompressedBytes": s.Bytes, "decompressedLines": s.Rows, "compressedBytes": 0, "totalDuplicates": 0}}},
		"ingester": map[string]any{"totalReached": 0, "totalChunksMatched": 0, "totalBatches": 0, "totalLinesSent": 0,
			"store": map[string]any{"totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0,
				"chunk": map[string]any{"headChunkBytes": 0, "headChunkLines": 0, "decompressedBytes": 0, "decompressedLines": 0, "compressedBytes": 0, "totalDuplicates": 0}}},
		"cache": map[string]any{},
	})
	if err != nil {
		return append(b, `{}`...)
	}
	return append(b, raw...)
}

// appendExplanation writes, beyond Loki and in the shape of the metrics API, how
// the answer came about, if the request asks with explain=true.
func appendExplanation(b []byte, form url.Values, s logexec.Stats) []byte {
	if form.Get("explain") != "true" {
		return b
	}
	raw, err := document(explained.New(s.Explanation.Plan, s.Explanation.Selects))
	if err != nil {
		return b
	}
	return append(append(b, `,"explain":`...), raw...)
}
