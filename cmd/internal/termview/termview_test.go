package termview

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trefoil-o11y/trefoil/cmd/internal/nativeclient"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func TestMain(m *testing.M) {
	time.Local = time.UTC // goldens show wall clock times
	os.Exit(m.Run())
}

// TestGoldens draws each answer in testdata/*.json into the .txt beside it.
func TestGoldens(t *testing.T) {
	for name, draw := range map[string]func(t *testing.T, raw []byte, w *strings.Builder){
		"trace": func(t *testing.T, raw []byte, w *strings.Builder) {
			c := read[nativeclient.Context](t, raw)
			Context(w, Style{Width: 110}, &c)
		},
		"trace_color": func(t *testing.T, raw []byte, w *strings.Builder) {
			c := read[nativeclient.Context](t, raw)
			Context(w, Style{Width: minWidth, Color: true}, &c)
		},
		"traces": func(t *testing.T, raw []byte, w *strings.Builder) {
			found := read[nativeclient.Traces](t, raw)
			Traces(w, Style{Width: 140}, &found)
		},
		"joined": func(t *testing.T, raw []byte, w *strings.Builder) {
			for _, part := range strings.Split(string(raw), "\n\n") { // one answer of each signal
				found := read[nativeclient.Joined](t, []byte(part))
				Joined(w, Style{Width: 140}, &found)
			}
		},
		"logs": func(t *testing.T, raw []byte, w *strings.Builder) {
			l := read[nativeclient.Logs](t, raw)
			Logs(w, Style{}, l.Records, true)
		},
		"instant": func(t *testing.T, raw []byte, w *strings.Builder) {
			m := read[nativeclient.Metrics](t, raw)
			Metrics(w, Style{Width: 80}, &m)
		},
		"range": func(t *testing.T, raw []byte, w *strings.Builder) {
			m := read[nativeclient.Metrics](t, raw)
			Metrics(w, Style{Width: 100}, &m)
		},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("testdata", strings.TrimSuffix(name, "_color")+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			draw(t, raw, &b)
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func read[T any](t *testing.T, raw []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPrintableTamesTerminalCodes(t *testing.T) {
	got := printable("a\x1b]0;title\x07b\nc\td\u202Ee\xff")
	if strings.ContainsAny(got, "\x1b\x07\n\t\u202e") {
		t.Errorf("%q still drives the terminal", got)
	}
	if want := `a\u001b]0;title\u0007b⏎c d\u202ee�`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzContext checks that no answer, however odd, breaks the drawing or gets a
// control character through.
func FuzzContext(f *testing.F) {
	seed, err := os.ReadFile("testdata/trace.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(seed))
	f.Add(`{"trace":{"duration_ns":-1,"spans":[{"depth":-9,"duration_ns":9223372036854775807,"start":"0001-01-01T00:00:00Z"}]}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		var c nativeclient.Context
		if json.Unmarshal([]byte(raw), &c) != nil {
			return
		}
		var b strings.Builder
		Context(&b, Style{Width: minWidth}, &c)
		if strings.ContainsAny(b.String(), "\x1b\x07\r") {
			t.Errorf("a control character got through: %q", b.String())
		}
	})
}
