package notify

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What Alertmanager's handlers do not withstand does not reach them, and what
// they serve does, body and all.
func TestStrict(t *testing.T) {
	reached := strict(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for _, tt := range []struct {
		path, body string
		status     int
	}{
		{"/api/v2/alerts", `[{"labels":{"a":null}}]`, http.StatusTeapot},
		{"/api/v2/alerts", "null", http.StatusTeapot},
		{"/api/v2/alerts", "[", http.StatusTeapot},
		{"/api/v2/alerts", "}", http.StatusTeapot},
		{"/api/v2/silence/6f1e", "", http.StatusTeapot},
		{"/-/ready", "", http.StatusTeapot},
		{"/api/v2/alerts", "[null]", http.StatusBadRequest},
		{"/api/v2/silences", `{"matchers":[{"name":"a"},null]}`, http.StatusBadRequest},
		{"/api/v2/silences", `{"matchers":[{"name":[null]}]}`, http.StatusBadRequest},
		{"/api/v2/alerts", strings.Repeat("a", maxBody+1), http.StatusRequestEntityTooLarge},
		{"/api/v2/alerts/\xff", "", http.StatusNotFound},
		{"/api/v2/silence/", "", http.StatusNotFound},
		{"/api/v2/silence/a/b", "", http.StatusNotFound},
		{"/api/v2/", "", http.StatusNotFound},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tt.body))
		r.URL.Path = Prefix + tt.path
		w := httptest.NewRecorder()
		reached.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%q %.50q: status %d, want %d: %s", tt.path, tt.body, w.Code, tt.status, w.Body)
		}
	}
}
