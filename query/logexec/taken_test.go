package logexec_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/query/logexec"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/attribute"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
	"github.com/trefoil-o11y/trefoil/storage/resourcestore"
	"github.com/trefoil-o11y/trefoil/storage/storagetest"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

var more = flag.Int("more", 1, "how many times as many random queries to ask")

// What the server finds in lines is what the pipeline finds in them: the same query is
// also asked with a stage before its parser that changes nothing and that the server
// does not do.
func TestParsersInTheServer(t *testing.T) {
	w := newWorld(t)
	random := rand.New(rand.NewPCG(3, 4))
	for _, kind := range []struct {
		name  string
		line  func(*rand.Rand) string
		stage func(*rand.Rand) string
		n     int // queries
	}{
		{"json", oddJSON, jsonStage, 9},
		{"logfmt", oddLogfmt, logfmtStage, 7},
		{"text", oddPlain, textStage, 6},
		{"plainjson", cleanJSON, jsonStage, 6},
		{"plainlogfmt", cleanLogfmt, logfmtStage, 5},
	} {
		t.Run(kind.name, func(t *testing.T) {
			w.storeLines(t, kind.name, func(int) string { return kind.line(random) })
			taken, asked := 0, 0
			for range kind.n * *more {
				by := oneOf(random, "", "level", "user_id", "level, status", "service_name, http_status", "a_b_c")
				agg, stages, unwrap := oneOf(random, aggregations...), " | "+kind.stage(random), ""
				for range random.IntN(3) {
					stages += oddFilter(random)
				}
				if random.IntN(4) > 0 {
					stages += ` | __error__=""`
				}
				if op, field, ok := strings.Cut(agg, " of "); ok {
					agg, unwrap = op, " | unwrap "+field+oneOf(random, "", ` | __error__=""`)
				}
				query := func(before string) string {
					text := agg + "{}" + before + stages + unwrap + " [250ms])"
					if strings.HasPrefix(text, "sum") || unwrap == "" {
						return "sum by (" + by + ") (" + text + ")"
					}
					return text + " by (" + by + ")"
				}
				got, err := w.ask(t, kind.name, query(""))
				want, wantErr := w.ask(t, kind.name, query(" | drop nothing_at_all"))
				if (err == nil) != (wantErr == nil) || err != nil && codeOf(err) != codeOf(wantErr) {
					t.Errorf("%s: error %v, streamed %v", query(""), err, wantErr)
					continue
				}
				if err != nil {
					continue
				}
				asked++
				if strings.Contains(strings.Join(got.Stats.Explanation.Plan, "\n"), "takes lines apart") {
					taken++
				}
				if d := different(want, got); d != "" {
					t.Errorf("%s: %s\n%s", query(""), d, strings.Join(got.Stats.Explanation.Plan, "\n"))
				}
			}
			t.Logf("%d of %d queries done by the server", taken, asked)
			if taken*3 < asked {
				t.Errorf("the server did only %d of %d queries", taken, asked)
			}
		})
	}
}

var aggregations = []string{"count_over_time(", "rate(", "bytes_over_time(", "sum_over_time( of took", "avg_over_time( of status", "max_over_time( of http_status",
	"min_over_time( of took", "quantile_over_time(0.9,  of took"}

func codeOf(err error) fault.Code {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

// storeLines stores a few thousand lines of a second, some of them with attributes that
// have names of fields.
func (w *world) storeLines(t *testing.T, id string, line func(i int) string) {
	t.Helper()
	res := resourcestore.NewBatch(tenant.ID(id), 30, resourcestore.NewKnown(10))
	rid, service := res.Resource(epoch, &resourcestore.Resource{Attributes: []attribute.KeyValue{{Key: "service.name", Value: attribute.StringValue("shop")}}})
	logs := logstore.NewBatch(tenant.ID(id), 30, w.seq)
	for i := range 2000 {
		r := logstore.Record{Time: epoch.UnixNano() + int64(i)*400_000 + 1, Body: attribute.StringValue(line(i)), Service: service, ResourceID: rid}
		if i%9 == 0 {
			r.Attributes = []attribute.KeyValue{{Key: "user.id", Value: attribute.StringValue([]string{"", "u1", "42"}[i/9%3])}}
		}
		if i%11 == 0 {
			r.Attributes = append(r.Attributes, attribute.KeyValue{Key: "took", Value: attribute.IntValue(int64(i))})
		}
		if i%13 == 0 {
			r.SeverityNumber = 17
		}
		logs.Append(&r)
	}
	storagetest.Insert(t, w.db, id+"-r", res)
	storagetest.Insert(t, w.db, id+"-l", logs)
}

func (w *world) ask(t *testing.T, id, query string) (*logexec.Samples, error) {
	t.Helper()
	m, err := logql.ParseMetric(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return w.engine.Range(t.Context(), tenant.ID(id), m, epoch.Add(250*time.Millisecond), epoch.Add(time.Second), 250*time.Millisecond)
}

// different says how samples differ by more than the order of a sum explains.
func different(want, got *logexec.Samples) string {
	if len(want.Series) != len(got.Series) {
		return fmt.Sprintf("%d series, streamed %d", len(got.Series), len(want.Series))
	}
	for i, s := range want.Series {
		g := got.Series[i]
		if a, b := logpipe.Text(g.Labels), logpipe.Text(s.Labels); a != b {
			return fmt.Sprintf("series %s, streamed %s", a, b)
		}
		for k := range s.Has {
			a, b := g.Values[k], s.Values[k]
			if g.Has[k] != s.Has[k] || s.Has[k] && a != b && math.Abs(a-b) > 1e-12*math.Max(math.Abs(a), math.Abs(b)) {
				return fmt.Sprintf("%s at %d: %v %v, streamed %v %v", logpipe.Text(s.Labels), k, g.Has[k], a, s.Has[k], b)
			}
		}
	}
	return ""
}

func oneOf(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

func oddFilter(r *rand.Rand) string {
	return " | " + oneOf(r, `level="error"`, `level!="error"`, `user_id=~"u.*"`, `status >= 400`, `http_status == 500`, `a_b_c != ""`, `level="error" or status < 300`,
		`took > 1.5 and level!~"i.*"`, `__error__=""`, `missing=""`, `service_name="shop"`, `detected_level="error"`, `level="é"`, `user_id="42"`, `status != 200`)
}

func jsonStage(r *rand.Rand) string {
	return oneOf(r, "json", "json", "json", "json", `json level="level", status="http.status"`, `json level="http", took="took", user_id="user.id"`, `json status="list[0]", level="level"`)
}

func logfmtStage(r *rand.Rand) string {
	return oneOf(r, "logfmt", "logfmt", "logfmt --strict", "logfmt --keep-empty", `logfmt level="level", status="http.status"`)
}

func textStage(r *rand.Rand) string {
	return oneOf(r, "pattern `<level> <_> status=<status> took=<took> <_>`", "pattern `<_> user=<user_id>`", "regexp `(?P<level>[a-z]+) .*status=(?P<status>[0-9]+)?`", "regexp `took=(?P<took>[^ ]+)( user=(?P<user_id>.*))?`",
		"regexp `(?i)(?P<level>ERROR|INFO)`")
}

var (
	jsonKeys   = []string{"level", "status", "took", "user_id", "user.id", "user", "id", "http", "http_status", "http-status", "a", "b", "c", "a_b", "b_c", "a.b.c", "a_b_c", "missing", "msg", "détail", "le\u00b7vel"}
	jsonValues = []string{`"error"`, `"info"`, `"u1"`, `42`, `"42"`, `500`, `"500"`, `200`, `1.5`, `1.0`, `-0`, `0`, `1e3`, `1E-2`, `12345678901234567890`, `123456789012345678901234567890`, `1e999`, `0.1`, `true`, `false`, `null`,
		`""`, `"\u00e9"`, `"é"`, `"a\"b"`, `"a\/b\n"`, `"level\":\"x"`, `"\ud800"`, `"\ud83d\ude00"`, `[]`, `[1,{"level":"x"}]`, `"user_id"`, `"{"`, `"nan"`, `"inf"`, `"0x10"`, `"+7"`, `" 7"`, `"1_0"`, `"5e0"`, "\"\u2028\"", `-12`, `9007199254740993`, `0.30000000000000004`, `1.7976931348623157e308`}
)

// oddJSON is a line that is a JSON object, nearly.
func oddJSON(r *rand.Rand) string {
	var b strings.Builder
	writeObject(&b, r, 0)
	s := b.String()
	switch r.IntN(40) {
	case 0:
		return s[:r.IntN(len(s)+1)]
	case 1:
		return s + oneOf(r, " ", "x", "{}", "\n", "\x00")
	case 2:
		return oneOf(r, " ", "\t", "\ufeff", "[") + s
	case 3:
		at := r.IntN(len(s))
		return s[:at] + oneOf(r, "\x80", "\xff\xfe", "\x00", "\\", `"`, ",", "\t") + s[at:]
	case 4:
		return strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300)
	}
	return s
}

func writeObject(b *strings.Builder, r *rand.Rand, depth int) {
	space := func() {
		if r.IntN(12) == 0 {
			b.WriteString(oneOf(r, " ", "\t", "\n"))
		}
	}
	b.WriteString("{")
	for i := range r.IntN(6) {
		if i > 0 {
			b.WriteString(",")
		}
		space()
		key := jsonKeys[r.IntN(len(jsonKeys))]
		if r.IntN(25) == 0 && key != "" {
			key = fmt.Sprintf(`\u%04x`, key[0]) + key[1:]
		}
		if r.IntN(25) == 0 {
			key = strings.Replace(key, "_", `\/`, 1)
		}
		b.WriteString(`"` + key + `"`)
		space()
		b.WriteString(":")
		space()
		if depth < 3 && r.IntN(4) == 0 {
			writeObject(b, r, depth+1)
		} else {
			b.WriteString(jsonValues[r.IntN(len(jsonValues))])
		}
		space()
	}
	b.WriteString("}")
}

func cleanJSON(r *rand.Rand) string {
	return fmt.Sprintf(`{"level":"%s","status":%d,"took":%.3f,"user_id":"u%d","http":{"status":%d},"a":{"b":{"c":"x%d"}},"msg":"done \"%d\" {}"}`,
		oneOf(r, "error", "info", "é"), 200+100*r.IntN(4), r.Float64()*10, r.IntN(5), 200+r.IntN(3), r.IntN(3), r.IntN(100))
}

// oddLogfmt is a line of pairs, nearly.
func oddLogfmt(r *rand.Rand) string {
	keys := append([]string{"xlevel", "status=", "http.status", `le"vel`, "\xfflevel"}, jsonKeys...)
	values := []string{"error", "info", "u1", "42", "500", "200", "1.5", "0", `"a b"`, `"level=error x"`, `"a\"b"`, `""`, "", `x"y`, "a=b", `"é\n"`, `\`, "é", `"`, "nan", `"42"`, "\xff", `"tab	in"`, "1e3"}
	var b strings.Builder
	for range r.IntN(7) {
		k := r.IntN(len(keys))
		if r.IntN(3) > 0 {
			k = 5 + r.IntN(len(keys)-5)
		}
		v := r.IntN(len(values))
		if r.IntN(2) > 0 {
			v = r.IntN(10)
		}
		b.WriteString(keys[k])
		if r.IntN(10) > 0 {
			b.WriteString("=" + values[v])
		}
		b.WriteString(oneOf(r, " ", " ", " ", " ", "  ", "\t", ""))
	}
	return b.String()
}

func cleanLogfmt(r *rand.Rand) string {
	return fmt.Sprintf(`level=%s status=%d took=%.3f user_id=u%d http_status=%d a_b_c=x%d msg="all done, level of %d"`,
		oneOf(r, "error", "info", "é"), 200+100*r.IntN(4), r.Float64()*10, r.IntN(5), 200+r.IntN(3), r.IntN(3), r.IntN(100))
}

func oddPlain(r *rand.Rand) string {
	s := fmt.Sprintf("%s %s status=%s took=%s user=%s", oneOf(r, "error", "info", "ERROR", "", "é"), oneOf(r, "a", "b c", "\n", "x\r\ny"), oneOf(r, "200", "500", "", "x"), oneOf(r, "1.5", "7", "nan", "-", "1_0"), oneOf(r, "u1", "42", "", "u\n2"))
	switch r.IntN(12) {
	case 0:
		at := r.IntN(len(s) + 1)
		return s[:at] + oneOf(r, "\xff", "\x00", "K") + s[at:]
	case 1:
		return s[:r.IntN(len(s)+1)]
	}
	return s
}
