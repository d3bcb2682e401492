package otlp

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// A client that never saw our answer sends the same bytes again: they are
// acked and stored once. A request that differs in a name is another one.
func TestResendIsStoredOnce(t *testing.T) {
	s := newStack(t, "", 0)
	now := time.Now()
	post := func(contentType string, body []byte) {
		t.Helper()
		resp, err := http.Post(s.http+"/v1/logs", contentType, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status)
		}
	}
	often := plogotlp.NewExportRequestFromLogs(sampleLogs(now, "often"))
	text := plogotlp.NewExportRequestFromLogs(sampleLogs(now, "text"))
	once := plogotlp.NewExportRequestFromLogs(sampleLogs(now, "once"))
	for range 3 {
		post(protobufType, must(t)(often.MarshalProto()))
		post(jsonType, must(t)(text.MarshalJSON()))
	}
	post(protobufType, must(t)(once.MarshalProto()))
	got := s.Lines(t, "SELECT concat(service_name, ' ', toString(count() / (SELECT count() FROM logs WHERE service_name = 'once'))) FROM logs GROUP BY service_name ORDER BY service_name")
	if d := cmp.Diff([]string{"often 1", "once 1", "text 1"}, got); d != "" {
		t.Errorf("how often each request is stored (-want +got):\n%s", d)
	}
}
