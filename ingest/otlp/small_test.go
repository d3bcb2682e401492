package otlp

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// TestSmallRequestsShareAndKeepApart has clients send small requests at once, which
// are joined before the log, each twice, half of them as JSON, some of them wrong in
// part or altogether: every record that was taken is stored once, and everybody is
// told of their own.
func TestSmallRequestsShareAndKeepApart(t *testing.T) {
	const clients, each = 12, 20
	s := newStack(t, "", 0)
	now := time.Now()
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := range each {
				id := client*each + i
				logs := plog.NewLogs()
				records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
				for part := range 2 {
					r := records.AppendEmpty()
					r.SetTimestamp(pcommon.NewTimestampFromTime(now))
					r.Body().SetStr(fmt.Sprintf("%d-%d", id, part))
				}
				if id%11 == 5 {
					records.AppendEmpty().SetTimestamp(1) // long deleted
				}
				request, media := plogotlp.NewExportRequestFromLogs(logs), protobufType
				body := must(t)(request.MarshalProto())
				if client%2 == 1 {
					body, media = must(t)(request.MarshalJSON()), jsonType
				}
				status, text := 200, ""
				switch {
				case id%13 == 6:
					body, status, text = body[:len(body)-3], 400, "malformed"
				case id%11 == 5:
					text = "time_too_old: 1 rejected"
				}
				var twice sync.WaitGroup
				for range 2 {
					twice.Go(func() {
						resp, err := http.Post(s.http+"/v1/logs", media, bytes.NewReader(body))
						if err != nil {
							t.Error(err)
							return
						}
						defer resp.Body.Close()
						answer, _ := io.ReadAll(resp.Body)
						if resp.StatusCode != status || !strings.Contains(string(answer), text) {
							t.Errorf("request %d: %s %q, want %d with %q", id, resp.Status, answer, status, text)
						}
					})
				}
				twice.Wait()
			}
		})
	}
	all.Wait()
	taken := 0
	for id := range clients * each {
		if id%13 != 6 {
			taken++
		}
	}
	if odd := s.Lines(t, "SELECT concat(body, ' ', toString(count())) FROM logs GROUP BY body HAVING count() != 1"); len(odd) > 0 {
		t.Errorf("not stored once: %v", odd)
	}
	if got := s.Lines(t, "SELECT toString(uniqExact(body)) FROM logs"); got[0] != fmt.Sprint(2*taken) {
		t.Errorf("%s records of %d requests", got[0], taken)
	}
}
