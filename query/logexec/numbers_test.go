package logexec_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// Records found by a number are counted by the server where all that has the name is a
// number, and come to what looking at them one by one does.
func TestNumbersInTheServer(t *testing.T) {
	w := newWorld(t)
	res := resourcestore.NewBatch("t", 30, resourcestore.NewKnown(10))
	logs := logstore.NewBatch("t", 30, w.seq)
	for i := range int64(600) {
		id, service := res.Resource(epoch, &resourcestore.Resource{Attributes: []attribute.KeyValue{
			{Key: "service.name", Value: attribute.StringValue([]string{"a", "b"}[i%2])}, {Key: "zone", Value: attribute.IntValue(i % 3)}}})
		r := logstore.Record{Time: epoch.UnixNano() + i*int64(time.Second), SeverityNumber: uint8(i % 24), Body: attribute.StringValue("line"), Service: service, ResourceID: id}
		if i%5 == 0 {
			r.Body = attribute.JSONValue(attribute.Map, `{"kvlistValue":{"values":[]}}`) // counted like others
		}
		put := func(key string, v attribute.Value) {
			r.Attributes = append(r.Attributes, attribute.KeyValue{Key: key, Value: v})
		}
		switch i % 4 {
		case 0:
			put("code", attribute.IntValue(200+i%400))
			put("mixed", attribute.IntValue(i))
		case 1:
			put("code", attribute.DoubleValue(float64(i)*1.5))
			put("mixed", attribute.StringValue("many"))
		case 2:
			put("text", attribute.StringValue(fmt.Sprint(i)))
		}
		logs.Append(&r)
	}
	storagetest.Insert(t, w.db, "r", res)
	storagetest.Insert(t, w.db, "l", logs)

	ask := func(q string) (*logexec.Samples, error) {
		m, err := logexec.Parse(q)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		return w.engine.Range(t.Context(), "t", m, epoch.Add(time.Minute), epoch.Add(10*time.Minute), time.Minute)
	}
	for _, c := range []struct {
		query          string
		counted, fails bool
	}{
		{`sum by (service_name) (count_over_time(SEL | code >= 500 [1m]))`, true, false},
		{`sum(count_over_time(SEL | code != 300 and code < 550 or code == 200 [2m]))`, true, false},
		{`sum(count_over_time(SEL | severity_number > 9 [1m]))`, true, false},
		{`sum(count_over_time(SEL | code > 100 | service_name = "a" [1m]))`, true, false},
		{`sum(count_over_time(SEL | zone > 0 [1m]))`, false, false},
		{`sum(count_over_time(SEL | text > 100 [1m]))`, false, false},
		{`sum(count_over_time(SEL | mixed > 100 [1m]))`, false, true},
		{`sum(count_over_time(SEL | mixed > 100 | __error__ = "" [1m]))`, false, false},
	} {
		got, err := ask(strings.ReplaceAll(c.query, "SEL", `{}`))
		want, wantErr := ask(strings.ReplaceAll(c.query, "SEL", `{} | label_format nothing=nothing`))
		if (err != nil) != c.fails || (wantErr != nil) != c.fails {
			t.Errorf("%s: %v, one by one %v", c.query, err, wantErr)
		}
		if c.fails {
			continue
		}
		if got.Stats.Entries == 0 != c.counted {
			t.Errorf("%s: %d records read one by one", c.query, got.Stats.Entries)
		}
		if d := cmp.Diff(want.Series, got.Series); d != "" || c.counted && len(got.Series) == 0 {
			t.Errorf("%s (-one by one +counted):\n%s", c.query, d)
		}
	}
}
