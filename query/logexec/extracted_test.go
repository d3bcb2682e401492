package logexec_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
)

// What the server leaves out by a filter on labels that are only found in the line is
// what the pipeline drops: all records are also run through it here, unfiltered.
func TestFiltersOfExtractedLabels(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(1, 2))
	res := resourcestore.NewBatch("t", 30, resourcestore.NewKnown(10))
	id, service := res.Resource(epoch, &resourcestore.Resource{Attributes: []attribute.KeyValue{{Key: "level", Value: attribute.StringValue("resource")}}})
	plain, named := resourcestore.NewBatch("t", 30, resourcestore.NewKnown(10)), ""
	other, _ := plain.Resource(epoch, &resourcestore.Resource{})
	logs := logstore.NewBatch("t", 30, w.seq)
	for i := range 3000 {
		r := logstore.Record{Time: epoch.UnixNano() + int64(i) + 1, Body: oddBody(random), Service: named, ResourceID: other}
		if i%5 == 0 {
			r.Service, r.ResourceID = service, id
		}
		if i%7 == 0 {
			r.Attributes = []attribute.KeyValue{{Key: "user", Value: attribute.StringValue(oddValue(random))}}
		}
		logs.Append(&r)
	}
	storagetest.Insert(t, w.db, "r", res)
	storagetest.Insert(t, w.db, "p", plain)
	storagetest.Insert(t, w.db, "l", logs)

	store := logstore.New(w.db, resourcestore.New(w.db))
	kept := 0
	for range 150 {
		q := oddPipeline(random)
		l, err := logql.ParseLog(q)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		pipeline, err := logpipe.Compile(l.Stages)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		var want []uint64
		reader := logpipe.Reader{Ids: true}
		_, err = store.Stream(t.Context(), "t", logstore.Filter{From: epoch, To: epoch.Add(time.Second)}, func(r *logstore.Row) error {
			e := reader.Entry(r, nil)
			if _, _, ok := pipeline.Run(&e); ok {
				want = append(want, r.ID)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.engine.Lines(t.Context(), "t", l, logexec.Window{From: epoch, To: epoch.Add(time.Second), Limit: 5000, Forward: true})
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		var ids []uint64
		for i := range got.Lines {
			ids = append(ids, got.Lines[i].ID)
		}
		slices.Sort(want)
		slices.Sort(ids)
		if d := cmp.Diff(want, ids); d != "" {
			t.Errorf("%s:\n%s", q, d)
		}
		if strings.Contains(q, `="`) && got.Stats.Entries < 2999 {
			kept++
		}
	}
	if kept < 50 {
		t.Errorf("only %d of 150 queries left records to the server to drop", kept)
	}
}

var oddValues = []string{"500", "error", "a b", "a/b", `q"uote`, `back\slash`, "é", "\u00e9\u0301", "日本", "<x>", "tab\t", "x=y", "", "true", "5e2", "{", "null"}

func oddValue(r *rand.Rand) string { return oddValues[r.IntN(len(oddValues))] }

// oddText spells a value in JSON in one of many ways, not always a right one.
func oddText(r *rand.Rand, v string) string {
	switch r.IntN(6) {
	case 0:
		var b strings.Builder
		for _, c := range v {
			if c < 0x10000 {
				fmt.Fprintf(&b, `\u%04x`, c)
			}
		}
		return `"` + b.String() + `"`
	case 1:
		return `"` + strings.NewReplacer("/", `\/`, `"`, `\"`, `\`, `\\`, "\t", `\t`).Replace(v) + `"`
	case 2:
		return v
	case 3:
		return `"` + v
	}
	return string(attribute.AppendQuoted(nil, v))
}

// oddBody is a line like JSON, like logfmt, or like neither.
func oddBody(r *rand.Rand) attribute.Value {
	keys := []string{"level", "user", "code", "user.id", "nested"}
	var b strings.Builder
	switch r.IntN(5) {
	case 0, 1:
		b.WriteString("{")
		for i := range 1 + r.IntN(4) {
			if i > 0 {
				b.WriteString(",")
			}
			value := oddText(r, oddValue(r))
			if r.IntN(5) == 0 {
				value = `{"in":` + value + `,"list":[1,` + value + `]}`
			}
			fmt.Fprintf(&b, "%q:%s", keys[r.IntN(len(keys))], value)
		}
		if r.IntN(8) > 0 {
			b.WriteString("}")
		}
	case 2, 3:
		for range 1 + r.IntN(4) {
			fmt.Fprintf(&b, "%s=%s ", keys[r.IntN(len(keys))], oddText(r, oddValue(r)))
		}
	default:
		if r.IntN(2) == 0 {
			return attribute.JSONValue(attribute.Map, `{"kvlistValue":{"values":[{"key":"level","value":{"stringValue":"error"}}]}}`)
		}
		fmt.Fprintf(&b, "%s - %s [%s]", oddValue(r), oddValue(r), oddValue(r))
	}
	return attribute.StringValue(b.String())
}

// oddPipeline is a query with filters behind parsers.
func oddPipeline(r *rand.Rand) string {
	stages := []string{"json", "logfmt", "logfmt --strict", `json level="nested.in", code="nested.list[1]"`, `logfmt user="level"`, "pattern `<level> - <user> [<code>]`", "regexp `(?P<level>[^ ]+) - (?P<user>.*)`",
		"drop level", `drop user="error"`, "keep level, user", `label_format code=level`, `line_format "{{.level}}"`, "unpack", `level!="x"`, `|= "e"`, `code=~"5.*"`}
	q := "{}"
	for range 1 + r.IntN(3) {
		stage := stages[r.IntN(len(stages))]
		if strings.HasPrefix(stage, "|") {
			q += " " + stage
			continue
		}
		q += " | " + stage
	}
	names := []string{"level", "user", "code", "user_id", "nested_in", "user_extracted"}
	one := func() string { return fmt.Sprintf("%s=%q", names[r.IntN(len(names))], oddValue(r)) }
	switch r.IntN(4) {
	case 0:
		return q + " | " + one() + " or " + one()
	case 1:
		return q + " | " + one() + " and " + one()
	}
	return q + " | " + one()
}
