package lokipush

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// fuzzBody is the property of both decoders: no panic, an error of a known
// kind, or blocks.
func fuzzBody(f *testing.F, read form, seed []byte) {
	f.Add(seed)
	f.Add(seed[:len(seed)/2])
	f.Add([]byte{})
	p := ingest.New(ingest.Config{
		Sink:   func(context.Context, []block.Block) error { return nil },
		Quotas: quota.New(quota.Config{Defaults: quota.Limits{Attributes: 16, AttributeBytes: 256}}),
		Limits: ingest.Limits{
			RequestBytes: 32 << 10, DecodedBytes: 64 << 10, Records: 1000, RecordBytes: 2048,
		},
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		adm := p.Admit()
		defer adm.Release()
		built, _, err := decode(p, "fuzz", read, [][]byte{body}, adm)
		if err != nil {
			var malformed *ingest.MalformedError
			var large *ingest.TooLargeError
			if !errors.As(err, &malformed) && !errors.As(err, &large) {
				t.Fatalf("%T %v", err, err)
			}
			if malformed != nil && malformed.Offset > len(body) {
				t.Fatalf("offset %d of %d bytes", malformed.Offset, len(body))
			}
			return
		}
		alone, err := built.Store(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		built, _, err = decode(p, "fuzz", read, [][]byte{body, body}, adm)
		if err != nil {
			return // too much at once
		}
		joined, err := built.Store(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if joined.Accepted != 2*alone.Accepted || joined.Rejected != 2*alone.Rejected {
			t.Fatalf("alone %d and %d, with itself %d and %d", alone.Accepted, alone.Rejected, joined.Accepted, joined.Rejected)
		}
	})
}

func FuzzProtobuf(f *testing.F) {
	fuzzBody(f, asProtobuf, samplePush(time.Now()).protobuf())
}

func FuzzJSON(f *testing.F) {
	fuzzBody(f, asJSON, samplePush(time.Now()).json(f))
}

// FuzzLabels holds our parser of labels to Prometheus's, which may know more:
// what ours reads is what Prometheus's reads, if it reads it at all; and what
// Prometheus writes, ours reads.
func FuzzLabels(f *testing.F) {
	for _, s := range []string{`{}`, `{app="shop", env='pr\'od',}`, "{a=`b\\`}", `{a="\u00fc\n\x41"}`, `{"a.b"="c"}`, `{a="b"`, `{a="b"}x`} {
		f.Add(s)
	}
	promql := parser.NewParser(parser.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		got := map[string]string{}
		twice := false
		err := parseLabels(text, func(name, value string) {
			_, again := got[name]
			twice = twice || again
			got[name] = value
		})
		want, wantErr := promql.ParseMetric(text)
		if err == nil && wantErr == nil && !twice && !labels.Equal(labels.FromMap(got), want) {
			t.Fatalf("%q is %v, want %v", text, got, want)
		}
		if err == nil && !twice {
			again := map[string]string{}
			written := labels.FromMap(got).String()
			if err := parseLabels(written, func(name, value string) { again[name] = value }); err != nil || !labels.Equal(labels.FromMap(again), labels.FromMap(got)) {
				t.Fatalf("%q read again is %v, %v", written, again, err)
			}
		}
	})
}
