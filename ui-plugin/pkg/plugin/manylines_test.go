package plugin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

// manyLines is as many lines as a panel may ask for, mostMemory what the plugin's
// process may have held at once when it has answered: the records, the frame of
// them, and the bytes of the frame as they go to Grafana.
const (
	manyLines  = 100_000
	mostMemory = 512 << 20
)

// seeManyLines asks for 100,000 lines with their attributes in one query; and by
// LogQL, which is read in pages in the same way, for the first few pages.
func seeManyLines(t *testing.T, p *trefoil) {
	sent := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	for from := 0; from < manyLines; from += 10_000 {
		check(t, postLogs(p, "bulk", lines(sent, from, from+10_000)))
	}
	h := start(t, config{url: p.url, json: map[string]any{"tenant": "bulk"}})
	for _, ask := range []struct {
		rows  int
		model map[string]any
	}{
		{manyLines, map[string]any{"lineLimit": manyLines, "forward": true}},
		{12_000, map[string]any{"lineLimit": 12_000, "forward": true, "logsMode": "code", "logql": `{service_name="bulk"}`}},
	} {
		var f *data.Frame
		eventually(t, time.Minute, func() error {
			r := h.query("logs", ask.model, time.Now())
			if r.Error != nil || len(r.Frames) != 1 || r.Frames[0].Rows() != ask.rows {
				return fmt.Errorf("%d frames, error %v", len(r.Frames), r.Error)
			}
			f = r.Frames[0]
			return nil
		})
		for _, row := range []int{0, 4999, 5000, ask.rows - 1} { // at the ends of pages too
			var labels map[string]string
			check(t, json.Unmarshal(f.Fields[4].At(row).(json.RawMessage), &labels))
			if f.Fields[1].At(row) != fmt.Sprintf("line %d of many, as long as lines are", row) || labels["user_id"]+labels["user.id"] != fmt.Sprint("u", row%997) || labels["n"] != fmt.Sprint(row) {
				t.Errorf("%v: row %d is %v with %v", ask.model, row, f.Fields[1].At(row), labels)
			}
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.PID()))
	check(t, err)
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	_, err = fmt.Sscan(peak, &kib)
	check(t, err)
	t.Logf("the plugin held at most %d MiB", kib>>10)
	if kib<<10 > mostMemory {
		t.Errorf("the plugin held %d MiB, more than %d", kib>>10, mostMemory>>20)
	}
}

// lines are log records, a millisecond apart, with attributes of three types.
func lines(first time.Time, from, to int) plog.Logs {
	out := plog.NewLogs()
	of := out.ResourceLogs().AppendEmpty()
	of.Resource().Attributes().PutStr("service.name", "bulk")
	of.Resource().Attributes().PutStr("host.name", "h1")
	records := of.ScopeLogs().AppendEmpty().LogRecords()
	records.EnsureCapacity(to - from)
	for i := from; i < to; i++ {
		r := records.AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(first.Add(time.Duration(i) * time.Millisecond)))
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		r.Body().SetStr(fmt.Sprintf("line %d of many, as long as lines are", i))
		r.Attributes().PutStr("user.id", fmt.Sprint("u", i%997))
		r.Attributes().PutInt("n", int64(i))
		r.Attributes().PutBool("retry", i%2 == 0)
	}
	return out
}

func postLogs(p *trefoil, tenant string, logs plog.Logs) error {
	raw, err := plogotlp.NewExportRequestFromLogs(logs).MarshalProto()
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+p.otlp+"/v1/logs", bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("X-Scope-OrgID", tenant)
	res, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("export: %s", res.Status)
	}
	return nil
}
