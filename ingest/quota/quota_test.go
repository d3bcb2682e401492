package quota

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// clock is a time that tests move.
type clock struct{ time.Time }

func newKeeper(cfg Config) (*Keeper, *clock) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	cfg.Now = func() time.Time { return c.Time }
	return New(cfg), c
}

func (c *clock) pass(d time.Duration) { c.Time = c.Add(d) }

func label(name, value string) []attribute.KeyValue {
	return []attribute.KeyValue{{Key: name, Value: attribute.StringValue(value)}}
}

// A rate holds over time, whatever the size of requests, and the refusal says
// how long it takes until the next one may come.
func TestRate(t *testing.T) {
	k, c := newKeeper(Config{Defaults: Limits{RecordsPerSecond: 100}})
	q := k.Tenant("acme")
	let := 0
	for end := c.Add(10 * time.Minute); c.Before(end); {
		err := q.Ready()
		if err == nil {
			q.Records(7000) // more than the bucket holds
			let += 7000
			continue
		}
		var exceeded *Exceeded
		if !errors.As(err, &exceeded) || exceeded.Limit != Records || exceeded.Tenant != "acme" || exceeded.Value != 100 {
			t.Fatal(err)
		}
		c.pass(exceeded.Wait - 2*time.Millisecond)
		if q.Ready() == nil {
			t.Fatalf("let in before the %v it was told to wait", exceeded.Wait)
		}
		c.pass(3 * time.Millisecond)
	}
	if most := 100*600 + 1000 + 7000; let > most || let < 100*600 {
		t.Errorf("%d records in ten minutes at 100 a second", let)
	}
	if k.Tenant("other").Ready() != nil {
		t.Error("another tenant has to wait")
	}
}

func TestBurst(t *testing.T) {
	k, c := newKeeper(Config{Defaults: Limits{BytesPerSecond: 10}})
	q := k.Tenant("acme")
	c.pass(time.Hour)
	for range bucketSeconds {
		if err := q.Ready(); err != nil {
			t.Fatal(err)
		}
		q.Bytes(10)
	}
	if err := q.Ready(); err == nil || err.Error() != `tenant "acme" is over its limit of 10 bytes_per_second` {
		t.Error(err)
	}
}

// The series there may be are those written to within the window.
func TestActiveSeries(t *testing.T) {
	k, c := newKeeper(Config{Defaults: Limits{Series: 100}, Window: 5 * time.Minute})
	write := func(from, to uint64) (taken int) {
		q := k.Tenant("acme")
		for fp := from; fp < to; fp++ {
			id := fp * 0x9e3779b97f4a7c15
			if q.Touch(id) || q.Activate(id, "m", label("id", strconv.Itoa(int(fp))), nil) {
				taken++
			}
		}
		return taken
	}
	if n := write(0, 150); n != 100 {
		t.Errorf("%d of 150 series, want 100", n)
	}
	for range 10 { // those below 60 stay active
		c.pass(time.Minute)
		if n := write(0, 60); n != 60 {
			t.Errorf("%d of 60 active series", n)
		}
	}
	if n := write(100, 150); n != 40 {
		t.Errorf("%d new series, want room for 40", n)
	}
	if r := k.Tenant("acme").Report(); r.ActiveSeries != 100 || r.Refused[Series] != 60 {
		t.Errorf("%+v", r)
	}
	c.pass(time.Hour)
	if r := k.Tenant("acme").Report(); r.ActiveSeries != 0 {
		t.Errorf("%d active after an hour", r.ActiveSeries)
	}
}

// A limit holds to the series with many writers.
func TestActiveSeriesConcurrently(t *testing.T) {
	k, _ := newKeeper(Config{Defaults: Limits{Series: 1000}})
	var writers sync.WaitGroup
	for w := range uint64(4) {
		writers.Go(func() {
			for fp := range uint64(1000) {
				k.Tenant("acme").Activate((fp<<2|w)*0x9e3779b97f4a7c15, "m", nil, nil)
			}
		})
	}
	writers.Wait()
	if n := k.Tenant("acme").active(); n != 1000 {
		t.Errorf("%d active", n)
	}
}

// The label that explodes is named: in the report, in the metrics, in the log.
func TestWhichLabelExplodes(t *testing.T) {
	var text bytes.Buffer
	registry := prometheus.NewRegistry()
	k, _ := newKeeper(Config{Defaults: Limits{Series: 2000}, Logger: slog.New(slog.NewTextHandler(&text, nil)), Registerer: registry})
	q := k.Tenant("acme")
	buffer := []byte("requests") // of the request: gone, or another's, when it is served
	metric := unsafe.String(&buffer[0], len(buffer))
	for i := range uint64(5000) {
		copy(buffer, "requests")
		labels := append(label("method", []string{"GET", "PUT"}[i%2]), label("user", fmt.Sprintf("u%d", i))...)
		q.Activate(i*0x9e3779b97f4a7c15, metric, labels, label("pod", fmt.Sprint(i%30)))
		copy(buffer, "scribble")
	}
	r := q.Report()
	if len(r.Labels) != 3 || r.Labels[0].Name != "user" || r.Labels[1].Name != "pod" || r.Labels[2].Values != 2 {
		t.Fatalf("%+v", r.Labels)
	}
	if n := float64(r.Labels[0].Values); math.Abs(n-4800)/4800 > 0.15 { // the first tenth is not looked at
		t.Errorf("%g users, want about 4800", n)
	}
	if m := r.Metrics; len(m) != 1 || m[0].Name != "requests" || m[0].Series != 4801 {
		t.Errorf("%+v", m)
	}
	if n := strings.Count(text.String(), "\n"); n != 1 || !strings.Contains(text.String(), "user ≈") || !strings.Contains(text.String(), "tenant=acme") {
		t.Errorf("%d lines: %s", n, text.String())
	}
	want := `
# HELP trefoil_quota_refused_total Requests refused because a tenant used up a rate, points rejected because it has too many series, by limit.
# TYPE trefoil_quota_refused_total counter
trefoil_quota_refused_total{limit="active_series",tenant="acme"} 3000
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "trefoil_quota_refused_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(registry, "trefoil_quota_label_values", "trefoil_quota_active_series"); err != nil || n != 2 {
		t.Error(n, err)
	}
}

// What is watched is bounded, whatever is sent.
func TestWatchedIsBounded(t *testing.T) {
	var c cardinality
	for i := range 1000 {
		c.see(fmt.Sprint("m", i), label(fmt.Sprint("l", i), "x"), nil)
	}
	if len(c.young.labels) != maxWatched || len(c.young.metrics) != maxWatched {
		t.Errorf("%d labels, %d metrics", len(c.young.labels), len(c.young.metrics))
	}
	c.turn()
	c.turn()
	if labels, metrics := c.top(); len(labels)+len(metrics) != 0 {
		t.Error("an old window is not forgotten")
	}
}

// Names of tenants come from outside: they are not kept without bound.
func TestTenantsAreBounded(t *testing.T) {
	k, c := newKeeper(Config{MaxTenants: 3, Tenants: map[tenant.ID]Limits{"big": {Attributes: 9}}})
	for _, id := range []tenant.ID{"a", "b", "c", "a", "big"} {
		c.pass(time.Second)
		k.Tenant(id)
	}
	if len(k.tenants) != 3 || k.tenants["b"] != nil {
		t.Errorf("%d tenants, b among them: %v", len(k.tenants), k.tenants["b"] != nil)
	}
	if l := k.Tenant("big").Limits(); l.Attributes != 9 || l.Series != 0 || l.NameBytes != 1<<10 {
		t.Errorf("%+v", l)
	}
	if l := k.Tenant("a").Limits(); l.Series != 1_000_000 {
		t.Errorf("%+v", l)
	}
}

func BenchmarkTouch(b *testing.B) {
	k := New(Config{})
	q := k.Tenant("acme")
	const n = 100_000
	for i := range uint64(n) {
		q.Activate(i*0x9e3779b97f4a7c15, "m", nil, nil)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		q.Touch(uint64(i%n) * 0x9e3779b97f4a7c15)
	}
}
