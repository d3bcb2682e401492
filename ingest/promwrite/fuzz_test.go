package promwrite

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/trefoil-o11y/trefoil/ingest"
	"github.com/trefoil-o11y/trefoil/ingest/quota"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// fuzzBody is the property of both decoders: no panic, an error of a known
// kind, or every record that Prometheus's decoder finds accounted for.
func fuzzBody(f *testing.F, v version, total func(body []byte) (int, error)) {
	seed := sampleScrape(time.Now()).message(f, v)
	f.Add(seed)
	f.Add(seed[:len(seed)/2])
	f.Add([]byte{})
	p := ingest.New(ingest.Config{
		Sink:   func(context.Context, []block.Block) error { return nil },
		Quotas: quota.New(quota.Config{Defaults: quota.Limits{Attributes: 16, AttributeBytes: 256}}),
		Limits: ingest.Limits{
			RequestBytes: 32 << 10, DecodedBytes: 64 << 10, Records: 1000, RecordBytes: 2048, Buckets: 32,
		},
	})
	m := newFamilies(1 << 16)
	f.Fuzz(func(t *testing.T, body []byte) {
		adm := p.Admit()
		defer adm.Release()
		built, all, err := decode(p, m, "fuzz", v, [][]byte{body}, adm)
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
		result, err := built.Store(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := total(body); err == nil && result.Accepted+result.Rejected != n {
			t.Fatalf("%d accepted + %d rejected of %d: %s", result.Accepted, result.Rejected, n, result.Message())
		}
		if n := all[0].written.Samples + all[0].written.Histograms; n != result.Accepted {
			t.Fatalf("%d written, %d accepted", n, result.Accepted)
		}
		built, both, err := decode(p, m, "fuzz", v, [][]byte{body, body}, adm)
		if err != nil {
			return // too much at once
		}
		joined, err := built.Store(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if joined.Accepted != 2*result.Accepted || joined.Rejected != 2*result.Rejected || both[0].written != both[1].written {
			t.Fatalf("alone %d and %d, with itself %d and %d, written %v", result.Accepted, result.Rejected, joined.Accepted, joined.Rejected, both)
		}
	})
}

func FuzzVersion1(f *testing.F) {
	fuzzBody(f, v1, func(body []byte) (n int, err error) {
		var r prompb.WriteRequest
		err = r.Unmarshal(body)
		for _, s := range r.Timeseries {
			n += len(s.Samples) + len(s.Histograms)
		}
		return n, err
	})
}

func FuzzVersion2(f *testing.F) {
	fuzzBody(f, v2, func(body []byte) (n int, err error) {
		var r writev2.Request
		err = r.Unmarshal(body)
		for _, s := range r.Timeseries {
			n += len(s.Samples) + len(s.Histograms)
		}
		return n, err
	})
}
