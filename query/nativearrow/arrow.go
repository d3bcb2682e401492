package nativearrow

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// rowsPerBatch bounds a record batch by its rows, valuesPerBatch by the values
// of its lists.
const (
	rowsPerBatch   = 4096
	valuesPerBatch = 1 << 18
)

// Writer answers in Arrow.
type Writer struct {
	// Logger is told why a stream was cut short.
	Logger *slog.Logger
}

// timestamps in Arrow answers are in UTC.
func timestampOf(unit arrow.TimeUnit) *arrow.TimestampType {
	return &arrow.TimestampType{Unit: unit, TimeZone: "UTC"}
}

// stream writes an Arrow IPC stream of the batches fill makes. The status is
// sent with the first byte; what fails later cuts the stream short of its end
// mark, which readers notice.
func (a Writer) stream(w http.ResponseWriter, schema *arrow.Schema, fill func(b *array.RecordBuilder, flush func() error) error) error {
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)

	out := ipc.NewWriter(w, ipc.WithSchema(schema))
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	flush := func() error {
		rec := b.NewRecord()
		defer rec.Release()
		return out.Write(rec)
	}
	err := fill(b, flush)
	if err == nil {
		err = flush()
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		a.Logger.Debug("nativearrow: write stream", "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

const ContentType = "application/vnd.apache.arrow.stream"

// Wanted tells whether a request prefers Arrow to JSON: it names it, and
// does not name JSON before.
func Wanted(r *http.Request) bool {
	for _, accept := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			kind, params, _ := strings.Cut(part, ";")
			if strings.ReplaceAll(params, " ", "") == "q=0" {
				continue
			}
			switch strings.ToLower(strings.TrimSpace(kind)) {
			case ContentType:
				return true
			case "application/json":
				return false
			}
		}
	}
	return false
}
