package nativearrow

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestWantsArrow(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "application/json": false, ContentType: true,
		ContentType + ", application/json;q=0.5": true, "application/json, " + ContentType: false,
		ContentType + ";q=0, application/json": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", accept)
		if got := Wanted(r); got != want {
			t.Errorf("%q: got %t", accept, got)
		}
	}
}
