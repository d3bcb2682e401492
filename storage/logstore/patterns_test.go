package logstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/attribute"
)

func TestTextsAndShapes(t *testing.T) {
	f := newFixture(t)
	say := func(ago time.Duration, severity uint8, body attribute.Value) Record {
		return Record{Time: now.Add(-ago).UnixNano(), SeverityNumber: severity, Body: body}
	}
	text := attribute.StringValue
	f.insert(t, "default", []attribute.KeyValue{str("service.name", "a")},
		say(50*time.Minute, 9, text("took 5 ms, 100% of it waiting")), say(10*time.Minute, 9, text("took 7 ms, 100% of it waiting")),
		say(9*time.Minute, 17, text("waiting took too long")), say(8*time.Minute, 9, attribute.IntValue(5)), say(7*time.Minute, 9, text("100 of it")))
	f.insert(t, "default", []attribute.KeyValue{str("service.name", "b")}, say(50*time.Minute, 9, text("took")))
	f.insert(t, "other", []attribute.KeyValue{str("service.name", "a")}, say(50*time.Minute, 9, text("waiting took too long")))

	var seen []string
	if _, err := f.Texts(t.Context(), "default", Filter{From: hour.From, To: hour.To, Services: []string{"a"}}, 3, func(text Text) {
		seen = append(seen, fmt.Sprintf("%s %d %s", text.Service, text.Severity, text.Body))
	}); err != nil || fmt.Sprint(seen) != "[a 17 waiting took too long a 9 100 of it a 9 took 7 ms, 100% of it waiting]" {
		t.Errorf("texts %q, %v", seen, err)
	}

	shapes := []Shape{{"took", "100% of"}, {"waiting", "took"}, {"took"}, {"nothing"}}
	counts, _, err := f.CountShapes(t.Context(), "default", hour, now.Add(-30*time.Minute), shapes)
	want := map[string][]ShapeCount{"a": {{1, 1}, {0, 1}, {1, 2}, {0, 0}}, "b": {{0, 0}, {0, 0}, {1, 0}, {0, 0}}}
	if err != nil || fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("shapes %v, %v; want %v", counts, err, want)
	}
}
