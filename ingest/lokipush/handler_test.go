package lokipush

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/ingesttest"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

const recordsSQL = `SELECT concat(toString(toUnixTimestamp64Nano(time)), ' ', l.service_name, ' ', body, ' severity ', toString(severity_number), ' ', severity_text,
	' ', hex(trace_id), ' ', hex(span_id), ' ', toString(l.attributes), ' of ', toString(r.attributes))
	FROM logs AS l JOIN resources AS r USING resource_id ORDER BY time`

// TestWhatWasSentIsStored sends the same in every form and reads every column
// back.
func TestWhatWasSentIsStored(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Hour).Add(12*time.Minute + 123456000*time.Nanosecond)
	p := samplePush(now)
	for _, form := range []struct {
		name    string
		body    []byte
		headers []string
	}{
		{"protobuf", snappy.Encode(nil, p.protobuf()), []string{"Content-Type", protobufType}},
		{"protobuf unsaid", snappy.Encode(nil, p.protobuf()), nil},
		{"JSON", p.json(t), []string{"Content-Type", jsonType + "; charset=utf-8"}},
		{"JSON gzip", gzipped(p.json(t)), []string{"Content-Type", jsonType, "Content-Encoding", "gzip"}},
	} {
		t.Run(form.name, func(t *testing.T) {
			s := newStack(t)
			if got := ingesttest.Post(t, s.url, form.body, form.headers...); got.Status != 204 || got.Text != "" {
				t.Fatal(got)
			}
			text := strings.ReplaceAll(s.lines(t, recordsSQL), strconv.FormatInt(now.UnixNano()/1000, 10), "$now")
			storagetest.Golden(t, "stored.txt", text+"\n")
		})
	}
}

// TestRefusals goes through what a client is told when something is wrong.
func TestRefusals(t *testing.T) {
	s := newStack(t)
	now := time.Now()
	good := entry{now, "good", nil}
	at := strconv.FormatInt(now.UnixNano(), 10)
	jsonHeader := []string{"Content-Type", jsonType}
	for _, c := range []struct {
		name    string
		body    []byte
		headers []string
		status  int
		text    string
	}{
		{"not snappy", []byte("hello hello"), nil, 400, "snappy"},
		{"not protobuf", snappy.Encode(nil, []byte("hello")), nil, 400, "protobuf at byte 2"},
		{"too old", snappy.Encode(nil, push{{[]string{"app", "a"}, []entry{good, {now.AddDate(-1, 0, 0), "old", nil}}}}.protobuf()), nil, 400,
			`1 of 2 records not stored, the first of {app="a"}: time_too_old`},
		{"no labels", snappy.Encode(nil, push{{nil, []entry{good}}}.protobuf()), nil, 400, "the stream has no labels"},
		{"labels cut short", snappy.Encode(nil, field(nil, 1, field(field(nil, 1, []byte(`{a="b"`)), 2, field(nil, 2, []byte("x"))))), nil, 400, `at 6: want , or }, got the end`},
		{"another type", nil, []string{"Content-Type", "text/plain"}, 415, "text/plain"},
		{"another compression", nil, []string{"Content-Type", jsonType, "Content-Encoding", "br"}, 415, "br"},
		{"JSON cut short", []byte(`{"streams": [{"stream"`), jsonHeader, 400, "cut short"},
		{"JSON number as time", []byte(`{"streams": [{"stream": {"a": "b"}, "values": [[1, "x"]]}]}`), jsonHeader, 400, "streams[0].values[0][0]"},
		{"JSON metadata number", []byte(`{"streams": [{"stream": {"a": "b"}, "values": [["` + at + `", "x", {"k": 1}]]}]}`), jsonHeader, 400, "values[0][2].k"},
		{"JSON without line", []byte(`{"streams": [{"stream": {"a": "b"}, "values": [["` + at + `"]]}]}`), jsonHeader, 400, "want a time and a line"},
		{"JSON values before labels", []byte(`{"streams": [{"values": [["` + at + `", "x"]], "stream": {"a": "b"}}], "more": [{}, 1]}`), jsonHeader, 204, ""},
		{"JSON gzip cut short", gzipped([]byte(`{"streams": []}`))[:12], append(jsonHeader, "Content-Encoding", "gzip"), 400, "gzip"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ingesttest.Post(t, s.url, c.body, c.headers...); got.Status != c.status || !strings.Contains(got.Text, c.text) {
				t.Errorf("%d %s, want %d %s", got.Status, got.Text, c.status, c.text)
			}
		})
	}
}

// TestLoad is told with a status that clients wait after.
func TestLoad(t *testing.T) {
	now := time.Now()
	send := func(c ingest.Config) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/", bytes.NewReader(samplePush(now).json(t)))
		r.Header.Set("Content-Type", jsonType)
		NewHandler(ingest.New(c), slog.New(slog.DiscardHandler)).ServeHTTP(w, r)
		return w
	}
	refuse := func(reason ingest.RefusalReason) ingest.Sink {
		return func(context.Context, []block.Block) error {
			return &ingest.Refusal{Reason: reason, RetryAfter: 1500 * time.Millisecond}
		}
	}
	if w := send(ingest.Config{Sink: refuse(ingest.RefusedFull)}); w.Code != 429 || w.Header().Get("Retry-After") != "2" {
		t.Error(w.Code, w.Header())
	}
	if w := send(ingest.Config{Sink: refuse(ingest.RefusedUnavailable)}); w.Code != 503 || w.Header().Get("Retry-After") != "2" {
		t.Error(w.Code, w.Header())
	}
	if w := send(ingest.Config{Sink: refuse(ingest.RefusedFull), Limits: ingest.Limits{DecodedBytes: 1 << 20, RequestBytes: 10}}); w.Code != 413 {
		t.Error(w.Code, w.Body)
	}
	if w := send(ingest.Config{Sink: refuse(ingest.RefusedFull), Limits: ingest.Limits{Records: 3}}); w.Code != 413 {
		t.Error(w.Code, w.Body)
	}
}
