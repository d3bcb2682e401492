package sweeptest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience is how long an answer may take.
const patience = 30 * time.Second

// Sweep is a server and what it serves.
type Sweep struct {
	URL    string
	Header http.Header // of every request
	// Reads are routes that answer GET, with the parameters each knows, between
	// blanks.
	Reads map[string]string
	// Usual are values of parameters with which a request is answered.
	Usual map[string][]string
	// Writes are routes that take a body, as "POST /path", with a JSON document
	// that each takes; "" where it takes none.
	Writes map[string]string
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// Parameters asks every route of Reads with usual and odd values. Each must at
// least once have an answer, unless it is in unanswered.
func (s *Sweep) Parameters(t *testing.T, rounds int, unanswered ...string) {
	rng := rand.New(rand.NewPCG(3, 4))
	one := func(of []string) string { return of[rng.IntN(len(of))] }
	answered := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(s.Reads)) {
		for n := range rounds {
			form := url.Values{}
			for _, name := range strings.Fields(s.Reads[path]) {
				switch usual := s.Usual[name]; {
				case usual != nil && rng.IntN(4) > 0:
					form.Set(name, one(usual))
				case n >= 10 && rng.IntN(2) == 0: // the first ones ask for nothing odd
					form.Set(name, one(values))
				}
			}
			if a := s.twice(t, http.MethodGet, path+"?"+form.Encode(), body{}, true); a.status < 300 {
				answered[path] = true
			}
		}
		if !answered[path] && !slices.Contains(unanswered, path) {
			t.Errorf("%s never had an answer: the test asks the wrong thing", path)
		}
	}
}

// Bodies sends every route of Writes odd bodies, and what it takes with something
// odd in it.
func (s *Sweep) Bodies(t *testing.T) {
	for _, line := range slices.Sorted(maps.Keys(s.Writes)) {
		method, path, _ := strings.Cut(line, " ")
		sent := bodies()
		if usual := s.Writes[line]; usual != "" {
			whole := body{name: "usual body", contentType: "application/json", text: []byte(usual)}
			if a := s.twice(t, method, path, whole, false); a.status >= 300 {
				t.Errorf("%s: status %d with the usual body: the test sends the wrong thing: %.500s", line, a.status, a.body)
			}
			sent = append(sent, spoilt(usual)...)
		}
		for _, b := range sent {
			s.twice(t, method, path, b, false)
		}
	}
}

// Methods asks every route with every method, with and without a body.
func (s *Sweep) Methods(t *testing.T) {
	paths := map[string]bool{}
	for path := range s.Reads {
		paths[path] = true
	}
	for line := range s.Writes {
		_, path, _ := strings.Cut(line, " ")
		paths[path] = true
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
			s.twice(t, method, path, body{name: "no body"}, true)
			s.twice(t, method, path, body{name: "{}", contentType: "application/json", text: []byte("{}")}, true)
		}
		for _, odd := range []string{path + "/", path + "//", path + "/%00", path + "/%ff/x", path + "/../..", path + "?%zz", path + "?a;b", path + "?" + strings.Repeat("a=b&", 10_000)} {
			s.twice(t, http.MethodGet, odd, body{}, true)
		}
	}
}

// twice asks and asks again. No answer may be a failure of the server's, one that
// says it is JSON must be, and a refusal must say why; same demands that both
// answers have one status.
func (s *Sweep) twice(t *testing.T, method, path string, b body, same bool) answer {
	t.Helper()
	first, second := s.ask(t, method, path, b), s.ask(t, method, path, b)
	for _, a := range []answer{first, second} {
		kind := a.header.Get("Content-Type")
		switch {
		case a.status >= 500 && a.status != http.StatusNotImplemented: // which says what is not supported
			t.Errorf("%s %.300s (%s): status %d: %.500s", method, path, b.name, a.status, a.body)
		case method == http.MethodHead:
		case strings.HasPrefix(kind, "application/json") && !json.Valid(a.body) && len(a.body) > 0:
			t.Errorf("%s %.300s (%s): no JSON: %.500s", method, path, b.name, a.body)
		case a.status >= 400 && len(bytes.TrimSpace(a.body)) == 0:
			t.Errorf("%s %.300s (%s): status %d without a word", method, path, b.name, a.status)
		case a.status >= 400 && kind == "":
			t.Errorf("%s %.300s (%s): status %d in no content type", method, path, b.name, a.status)
		}
	}
	if same && first.status != second.status {
		t.Errorf("%s %.300s (%s): status %d and then %d", method, path, b.name, first.status, second.status)
	}
	return second
}

func (s *Sweep) ask(t *testing.T, method, path string, b body) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	at.Opaque = "//" + at.Host + path // as it stands, cleaned by nobody
	r := (&http.Request{Method: method, URL: at, Header: http.Header{}, Host: at.Host, Body: http.NoBody}).WithContext(ctx)
	if len(b.text) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b.text)), int64(len(b.text))
	}
	maps.Copy(r.Header, s.Header)
	for name, value := range map[string]string{"Content-Type": b.contentType, "Content-Encoding": b.encoding} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	res, err := http.DefaultTransport.RoundTrip(r) // which follows no redirection
	if err != nil {
		if len(b.text) > 1<<20 { // a server may hang up on what it will not read
			return answer{status: http.StatusRequestEntityTooLarge, header: http.Header{"Content-Type": {""}}, body: []byte(err.Error())}
		}
		t.Fatalf("%s %.300s (%s): %v", method, path, b.name, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("%s %.300s (%s): %v", method, path, b.name, err)
	}
	return answer{res.StatusCode, res.Header, text}
}
