package query

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// writes notes the lengths of what reaches the connection.
type writes struct {
	*httptest.ResponseRecorder
	lengths []int
}

func (w *writes) Write(b []byte) (int, error) {
	w.lengths = append(w.lengths, len(b))
	return w.ResponseRecorder.Write(b)
}

func TestAnswersAreSentInPieces(t *testing.T) {
	h := inPieces(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		for range 1000 {
			fmt.Fprint(w, strings.Repeat("x", 300))
		}
		if r.URL.Path == "/flushed" {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			fmt.Fprint(w, "and more")
		}
	}))
	for path, want := range map[string]string{
		"/":        "[65536 65536 65536 65536 37856]",
		"/flushed": "[65536 65536 65536 65536 37856 8]",
	} {
		w := &writes{ResponseRecorder: httptest.NewRecorder()}
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if got := fmt.Sprint(w.lengths); got != want || w.Code != http.StatusTeapot {
			t.Errorf("%s: pieces of %s and status %d, want %s", path, got, w.Code, want)
		}
	}
}

// An answer that is broken off is broken off for the client, too, and what was
// held back of it reaches nobody else.
func TestNoPieceOfABrokenAnswer(t *testing.T) {
	srv := httptest.NewServer(inPieces(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			fmt.Fprint(w, "half an answer")
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, "whole")
	})))
	defer srv.Close()
	if res, err := http.Get(srv.URL + "/broken"); err == nil {
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err == nil {
			t.Errorf("a broken answer ended well: %q", body)
		}
	}
	for range 20 {
		res, err := http.Get(srv.URL + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(body) != "whole" {
			t.Errorf("%q, %v", body, err)
		}
	}
}
