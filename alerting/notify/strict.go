package notify

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// maxBody bounds what a request brings: some ten thousand alerts.
const maxBody = 16 << 20

// strict refuses what Alertmanager's own handlers do not withstand: a null among
// alerts or matchers, which they follow, and paths they do not know, each of which
// would get a series of the request durations.
func strict(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, ok := strings.CutPrefix(r.URL.Path, Prefix+"/api/v2/"); ok && !serves(path) {
			refuse(w, http.StatusNotFound, "Alertmanager's API v2 does not serve this path")
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			refuse(w, http.StatusRequestEntityTooLarge, tooLarge.Error())
			return
		}
		switch {
		case err != nil:
			refuse(w, http.StatusBadRequest, "request body: "+err.Error())
		case listsNull(body):
			refuse(w, http.StatusBadRequest, "request body: a list has null in it")
		default:
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		}
	})
}

// serves says whether a path is one of API v2.
func serves(path string) bool {
	switch path {
	case "status", "receivers", "alerts", "alerts/groups", "silences":
		return true
	}
	id, ok := strings.CutPrefix(path, "silence/")
	return ok && id != "" && !strings.Contains(id, "/")
}

// listsNull says whether a list in a JSON document has null in it; one that is no
// JSON is for others to refuse.
func listsNull(document []byte) bool {
	d := json.NewDecoder(bytes.NewReader(document))
	var lists []bool // whether each of what surrounds a token is a list
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			lists = append(lists, token == json.Delim('['))
		case json.Delim(']'), json.Delim('}'):
			lists = lists[:len(lists)-1]
		case nil:
			if len(lists) > 0 && lists[len(lists)-1] {
				return true
			}
		}
	}
}
