package logline

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// What is taken for a JSON object is one, and the other way round.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":{"c":"d\n\u00e4"},"e":[1,{"f":null}],"g":true}`, `{"a":-0.5e3}`, `{"a":01}`, `{`, `[]`, `{"\ud83d\ude00":"\ud83d"}`, `{"a":"b"} x`} {
		f.Add(s)
	}
	path, err := ParseJSONPath(`a.b[0]["c"]`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		err := FlattenJSON(s, func(string, string) {})
		object := strings.HasPrefix(strings.TrimLeft(s, " \t\r\n"), "{")
		deep := strings.Count(s, "[")+strings.Count(s, "{") > depthLimit/2
		if valid := json.Valid([]byte(s)) && object; valid != (err == nil) && !deep {
			t.Fatalf("%q: valid %v, error %v", s, valid, err)
		}
		picked := PickJSON(s, []JSONPath{path}, func(int, string) {})
		if (picked == nil) != (err == nil) && !deep {
			t.Fatalf("%q: picking %v, flattening %v", s, picked, err)
		}
		_ = UnpackJSON(s, func(string, string) {})
	})
}

func FuzzLogfmt(f *testing.F) {
	for _, s := range []string{`a=b c="d \"e" f`, `="x"`, `a="`, "a=b\x00c", `a==b`, `ä=ö`} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, strict bool) {
		if err := Logfmt(s, strict, func(key, value string) {
			if key == "" {
				t.Fatalf("%q: an empty key", s)
			}
		}); err != nil && !strict {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("<a> - <_> <b>", "x - y z")
	f.Add("GET <_>", "GET /")
	f.Fuzz(func(t *testing.T, pattern, line string) {
		if p, err := ParsePattern(pattern); err == nil {
			p.Captures(line, func(name, value string) {
				if !slices.Contains(p.Names(), name) || !strings.Contains(line, value) {
					t.Fatalf("%q on %q: %s=%q", pattern, line, name, value)
				}
			})
		}
		if l, err := ParseLike(pattern); err == nil && l.Match(line) {
			for _, p := range l.parts {
				if !p.capture && !strings.Contains(line, p.text) {
					t.Fatalf("%q matches %q without %q", pattern, line, p.text)
				}
			}
		}
	})
}

func FuzzLine(f *testing.F) {
	f.Add("\x1b[31mred\x1b[0m 10.0.0.7:80 ::1 1.5KiB 2h")
	in, err := ParseAddresses("10.0.0.0/8")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(Decolorize(s)) > len(s) {
			t.Fatalf("%q grows", s)
		}
		in.In(s)
		_, _ = ParseBytes(s)
		_, _ = ParseAddresses(s)
		if n := Name(s); n != "" && Name(n) != n {
			t.Fatalf("%q: %q is no name", s, n)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{`{{.a | upper}}`, `{{range fromJson .a}}{{.}}{{end}}`, `{{repeat 3 .b}}`, `{{range 1000000000000}}{{end}}`, `{{define "x"}}{{template "x"}}{{end}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseTemplate(s)
		if err != nil {
			return
		}
		out, err := p.Render(map[string]string{"a": `[1,"x"]`, "b": "y"}, "line", 0)
		if err == nil && len(out) > maxRendered {
			t.Fatalf("%q renders %d bytes", s, len(out))
		}
	})
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		set, line string
		want      bool
	}{
		{"10.0.0.0/8", "from 10.1.2.3:8080 to x", true}, {"10.0.0.0/8", "from 11.1.2.3", false}, {"10.0.0.1-10.0.0.5", "(10.0.0.5)", true},
		{"10.0.0.1", "v10.0.0.10", false}, {"2001:db8::/32", "[2001:db8::1]:443", true}, {"10.0.0.0/8", "10.0.0.1.", true}, {"10.0.0.1", "no address", false},
	} {
		a, err := ParseAddresses(c.set)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.In(c.line); got != c.want {
			t.Errorf("%s in %q: %v", c.set, c.line, got)
		}
	}
}
