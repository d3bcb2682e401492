package sweeptest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strings"
)

// values are of every kind that some parameter does not want.
var values = []string{"", "0", "-1", "1e999", "NaN", "inf", "-inf", "9223372036854775807", "99999999999999999999", "0x1p-1074", "1e-10", "-0", "x", "\x00", "\xff", "%", "1h", "-5m", "0s",
	"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1700000600000000000", "true", "{}", "{", "up", "sum(", "sum by (", `{service_name=~".+"} | json | line_format "{{.x}}"`,
	`{service_name=~".+"} | label_format a="{{ 1 | }}"`, `quantile_over_time(2, {service_name=~".+"} | unwrap n [5m])`, `count_over_time({service_name=~".+"}[0s])`, `{service_name=~".+"} |~ "("`,
	`{service_name=~".+"} | pattern "<a><b>"`, "topk(1e9, up)", `label_replace(up,"a","$1","b","(")`, `histogram_quantile(2,{__name__=~".+"})`, "vector(1)[10y:1ms]", "up @ 1e300", "up offset -1000y",
	strings.Repeat("a", 5000), strings.Repeat("(", 3000), `{a=~"(((((((((a*)*)*)*)*)*)*)*)*"}`, `{ .a =~ "(" }`, "{ duration > 1y }", "{} | compare({status=error})", "{} | quantile_over_time(duration, 2)",
	"rollup_rate(http_server_requests_total[1m])", "WITH (a=a) a", "with (f(x)=f(x)) f(1)", `quantiles("p",2,up)`, "$__range", "'", `"`, "`", "💥", "a\r\nb", "a=b", `a=~"("`, "(", "../../../../etc/passwd"}

// documents are put in the place of each value of a JSON document.
var documents = []string{"null", "true", "0", "-1", "1e308", "1e999", "99999999999999999999", `""`, `"x"`, `"\u0000"`, "\"\xff\"", `"\ud800"`, `"NaN"`, `"1h"`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`,
	`"2026-13-45T99:99:99Z"`, "[]", "{}", "[null]", "[[]]", `["x","x"]`, `{"":""}`, `{"\u0000":null}`, `{"a":{"a":{}}}`, "[" + strings.Repeat("0,", 5000) + "0]", `"` + strings.Repeat("a", 100_000) + `"`,
	strings.Repeat("[", 5000) + strings.Repeat("]", 5000), strings.Repeat(`{"a":`, 5000) + "0" + strings.Repeat("}", 5000)}

// A body is what is sent, and what its headers say of it.
type body struct {
	name, contentType, encoding string
	text                        []byte
}

// bodies are those that no handler wants, whatever it reads.
func bodies() []body {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	fmt.Fprintf(w, `{"a":"%s"}`, strings.Repeat("a", 10_000))
	w.Close()
	huge := []byte(`{"a":"` + strings.Repeat("a", 12<<20) + `"}`)
	const form, j, proto = "application/x-www-form-urlencoded", "application/json", "application/x-protobuf"
	out := []body{
		{"huge", j, "", huge}, {"huge form", form, "", append([]byte("query="), huge...)}, {"huge protobuf", proto, "", huge},
		{"cut gzip", j, "gzip", zipped.Bytes()[:zipped.Len()/2]}, {"gzip of another kind", proto, "gzip", zipped.Bytes()}, {"no gzip", j, "gzip", []byte("{}")},
		{"no snappy", proto, "snappy", []byte("\xff\xff\xff\xff\xff\x0f")}, {"unknown encoding", j, "br,br", []byte("{}")},
		{"no form", form, "", []byte("a=%zz&%&;;=")}, {"bytes as a form", form, "", []byte("query=\xff\x00&match[]=\xfe&start=\x00")}, {"no multipart", "multipart/form-data; boundary=x", "", []byte("--x\r\n")}, {"no boundary", "multipart/form-data", "", []byte("x")},
		{"no type", "", "", []byte("{}")}, {"odd type", "a/b/c; =\xff", "", []byte("{}")}, {"two documents", j, "", []byte("{}{}")}, {"half a document", j, "", []byte(`{"a":`)}, {"bytes", j, "", []byte("\x00\xff\xfe")}, {"field of no end", proto, "", []byte("\x0a\xff\xff\xff\xff\x7f")},
	}
	for i, d := range documents {
		out = append(out, body{fmt.Sprintf("document %d", i), j, "", []byte(d)})
	}
	return out
}

// spoilt are a JSON document's variants, one for each value in it and each odd
// document in its place, and those without one of its fields.
func spoilt(document string) (out []body) {
	var whole any
	if err := json.Unmarshal([]byte(document), &whole); err != nil {
		panic(fmt.Sprintf("the usual body %s: %v", document, err))
	}
	add := func(name, text string) { out = append(out, body{name, "application/json", "", []byte(text)}) }
	var walk func(at string, v any, around func(string) string)
	walk = func(at string, v any, around func(string) string) {
		for i, d := range documents {
			add(fmt.Sprintf("document %d for %s", i, at), around(d))
		}
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				rest := make(map[string]any, len(v))
				for other, value := range v {
					if other != name {
						rest[other] = value
					}
				}
				text := marshal(rest)
				add("no "+at+"."+name, around(text))
				walk(at+"."+name, inner, func(s string) string {
					return around(strings.Replace(strings.TrimSuffix(text, "}")+","+marshal(name)+":"+s+"}", "{,", "{", 1))
				})
			}
		case []any:
			for i, inner := range v {
				before, after := marshal(v[:i]), marshal(v[i+1:])
				walk(fmt.Sprintf("%s[%d]", at, i), inner, func(s string) string {
					list := strings.TrimSuffix(before, "]") + "," + s + "," + strings.TrimPrefix(after, "[")
					return around(strings.Replace(strings.Replace(list, "[,", "[", 1), ",]", "]", 1))
				})
			}
		}
	}
	walk("$", whole, func(s string) string { return s })
	return out
}

func marshal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
