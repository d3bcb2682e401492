package promwrite

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// TestWhatWasSentIsStored sends the same in both versions and reads every
// column back.
func TestWhatWasSentIsStored(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Hour).Add(12*time.Minute + 345*time.Millisecond)
	for v, contentType := range map[version]string{v1: typeV1, v2: typeV2} {
		t.Run("version "+strconv.Itoa(int(v)), func(t *testing.T) {
			s := newStack(t)
			got := post(t, s.url, sampleScrape(now).message(t, v), "Content-Type", contentType)
			if got.Status != 204 {
				t.Fatal(got)
			}
			written := [3]string{got.Header.Get(headerSamples), got.Header.Get(headerHistograms), got.Header.Get(headerExemplars)}
			if want := [3]string{"7", "6", "1"}; v == v2 && written != want {
				t.Errorf("written %v, want %v", written, want)
			}
			ms := strconv.FormatInt(now.UnixMilli(), 10)
			start := strconv.FormatInt(now.Add(-time.Hour).UnixMilli(), 10)
			text := strings.NewReplacer(ms, "$now", start, "$start").Replace(s.lines(t, seriesSQL) + "\n\n" +
				s.lines(t, samplesSQL) + "\n\n" + s.lines(t, histogramsSQL) + "\n\n" + s.lines(t, exemplarsSQL) + "\n")
			storagetest.Golden(t, "stored-v"+strconv.Itoa(int(v))+".txt", text)
		})
	}
}

const (
	seriesSQL = `SELECT concat(metric_name, ' ', prom_name, ' ', toString(type), ' ', toString(temporality), ' ', toString(monotonic), ' ',
		unit, ' ', description, ' ', toString(labels), ' ', attributes) FROM series ORDER BY metric_name, toString(labels)`
	samplesSQL = `SELECT concat(s.metric_name, toString(s.labels), ' ', toString(ts), ' ', toString(start_ts), ' ', toString(arrayMap(v -> hex(reinterpretAsUInt64(v)), value)))
		FROM samples JOIN series AS s USING fingerprint ORDER BY s.metric_name, toString(s.labels)`
	histogramsSQL = `SELECT concat(s.labels['kind'], ' at ', toString(toUnixTimestamp64Milli(time)), ' from ', toString(toUnixTimestamp64Milli(start_time)), ' kind ', toString(kind), ' flags ', toString(bitAnd(flags, 127)),
		' count ', toString(point_count), ' sum ', hex(reinterpretAsUInt64(point_sum)), ' bounds ', toString(bounds), ' ', toString(point_counts), ' scale ', toString(scale),
		' zero ', toString(zero_count), ' ', toString(zero_threshold), ' positive ', toString(positive_offset), ' ', if(length(positive_counts) > 20, concat(toString(length(positive_counts)), ' with ', toString(arraySum(positive_counts))), toString(positive_counts)),
		' negative ', toString(negative_offset), ' ', toString(negative_counts))
		FROM histograms JOIN series AS s USING fingerprint ORDER BY s.labels['kind']`
	exemplarsSQL = `SELECT concat(metric_name, ' ', hex(trace_id), ' ', hex(span_id), ' ', toString(value), ' ', attributes, ' ', toString(toUnixTimestamp64Milli(time)), ' ', toString(fingerprint IN (SELECT fingerprint FROM samples)))
		FROM exemplars`
)

// TestNegotiation goes through what a request can say it is.
func TestNegotiation(t *testing.T) {
	s := newStack(t)
	now := time.Now()
	first, second := sampleScrape(now).message(t, v1), sampleScrape(now).message(t, v2)
	for _, c := range []struct {
		name    string
		message []byte
		headers []string
		status  int
	}{
		{"nothing said", first, nil, 204},
		{"no message named", first, []string{"Content-Type", protobufType}, 204},
		{"version 1", first, []string{"Content-Type", typeV1}, 204},
		{"version 2", second, []string{"Content-Type", typeV2}, 204},
		{"version 2 with spaces", second, []string{"Content-Type", "Application/X-Protobuf; proto=" + messageV2}, 204},
		{"another message", first, []string{"Content-Type", protobufType + ";proto=x.y"}, 415},
		{"another type", first, []string{"Content-Type", "application/json"}, 415},
		{"another compression", first, []string{"Content-Encoding", "gzip"}, 415},
		{"version 2 read as version 1", second, []string{"Content-Type", typeV1}, 204}, // fields of another message are unknown ones
		{"not protobuf", []byte("hello"), []string{"Content-Type", typeV2}, 400},
		{"an empty request", nil, []string{"Content-Type", typeV2}, 204},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := post(t, s.url, c.message, c.headers...); got.Status != c.status {
				t.Errorf("%d %s, want %d", got.Status, got.Text, c.status)
			}
		})
	}
}

// TestPartialWrite sends what is right and what is wrong in one request.
func TestPartialWrite(t *testing.T) {
	now := time.Now()
	s := newStack(t)
	r := newScrape()
	r.sample(now, 0, 1, meta{}, "__name__", "good")
	r.sample(now.AddDate(-1, 0, 0), 0, 1, meta{}, "__name__", "old", "job", "shop")
	r.sample(now, 0, 1, meta{}, "job", "nameless")
	a, b := r.add(meta{}, "__name__", "twice", "a", "1")
	a.Labels = append(a.Labels, prompb.Label{Name: "a", Value: "2"})
	a.Samples = []prompb.Sample{{Value: 1, Timestamp: now.UnixMilli()}}
	b.LabelsRefs = append(b.LabelsRefs, r.symbols.Symbolize("a"), r.symbols.Symbolize("2"))
	b.Samples = []writev2.Sample{{Value: 1, Timestamp: now.UnixMilli()}}
	for v, contentType := range map[version]string{v1: typeV1, v2: typeV2} {
		got := post(t, s.url, r.message(t, v), "Content-Type", contentType)
		if got.Status != 400 {
			t.Fatalf("version %d: %d %s", v, got.Status, got.Text)
		}
		for _, part := range []string{"3 of 4 records not stored", `old{job="shop"}`, "time_too_old: 1", "metric_name_empty: 1", "labels_invalid: 1", `label "a"`} {
			if !strings.Contains(got.Text, part) {
				t.Errorf("version %d: %q is not in %s", v, part, got.Text)
			}
		}
		if n := got.Header.Get(headerSamples); v == v2 && n != "1" {
			t.Errorf("%s samples written", n)
		}
	}
	if got := s.lines(t, "SELECT concat(metric_name, ' ', toString(uniq(fingerprint))) FROM series GROUP BY metric_name"); got != "good 1" {
		t.Error(got)
	}
}

// TestMetadataThatComesLater is of the series that was there before.
func TestMetadataThatComesLater(t *testing.T) {
	s := newStack(t)
	now := time.Now().Truncate(time.Hour).Add(time.Minute)
	send := func(r *scrape) {
		t.Helper()
		if got := post(t, s.url, r.message(t, v1), "Content-Type", typeV1); got.Status != 204 {
			t.Fatal(got)
		}
	}
	before := newScrape()
	before.sample(now, 0, 1, meta{}, "__name__", "jobs_total")
	send(before)
	about := newScrape()
	about.v1.Metadata = []prompb.MetricMetadata{{Type: prompb.MetricMetadata_COUNTER, MetricFamilyName: "jobs", Help: "Jobs done."}}
	send(about)
	after := newScrape()
	after.sample(now.Add(time.Second), 0, 2, meta{}, "__name__", "jobs_total")
	send(after)
	got := s.lines(t, `SELECT concat(toString(type), ' ', description, ' ', toString((SELECT uniq(fingerprint) FROM samples)), ' ',
		toString((SELECT sum(length(ts)) FROM samples))) FROM series ORDER BY observed DESC LIMIT 1`)
	if got != "sum Jobs done. 1 2" {
		t.Error(got)
	}
}
