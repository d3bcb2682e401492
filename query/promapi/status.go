package promapi

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/query/fault"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Program is what status/ tells of the process, beside what the runtime knows.
type Program struct {
	Version, Revision, BuildDate string
	Started                      time.Time
	Retention                    string            // as in "30d"
	Flags                        map[string]string // as given, without secrets; the configuration is these
}

func (a *api) buildInfo(*http.Request, url.Values) answer {
	return value(struct {
		Version   string `json:"version"`
		Revision  string `json:"revision"`
		Branch    string `json:"branch"`
		BuildUser string `json:"buildUser"`
		BuildDate string `json:"buildDate"`
		GoVersion string `json:"goVersion"`
	}{Version: a.Program.Version, Revision: a.Program.Revision, BuildDate: a.Program.BuildDate, GoVersion: runtime.Version()})
}

func (a *api) flags(*http.Request, url.Values) answer {
	flags := a.Program.Flags
	if flags == nil {
		flags = map[string]string{}
	}
	return value(flags)
}

// config is the flags as the YAML file that would set them.
func (a *api) config(*http.Request, url.Values) answer {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(a.Program.Flags)) {
		fmt.Fprintf(&b, "%s: %s\n", name, strconv.Quote(a.Program.Flags[name]))
	}
	return value(map[string]string{"yaml": b.String()})
}

func (a *api) runtimeInfo(*http.Request, url.Values) answer {
	cwd, _ := os.Getwd() // an empty one is an answer, too
	host, _ := os.Hostname()
	return value(struct {
		StartTime           time.Time `json:"startTime"`
		CWD                 string    `json:"CWD"`
		Hostname            string    `json:"hostname"`
		ServerTime          time.Time `json:"serverTime"`
		ReloadConfigSuccess bool      `json:"reloadConfigSuccess"`
		LastConfigTime      time.Time `json:"lastConfigTime"`
		CorruptionCount     int64     `json:"corruptionCount"`
		GoroutineCount      int       `json:"goroutineCount"`
		GOMAXPROCS          int       `json:"GOMAXPROCS"`
		GOMEMLIMIT          int64     `json:"GOMEMLIMIT"`
		GOGC                string    `json:"GOGC"`
		GODEBUG             string    `json:"GODEBUG"`
		StorageRetention    string    `json:"storageRetention"`
	}{
		StartTime: a.Program.Started.UTC(), CWD: cwd, Hostname: host, ServerTime: a.Now().UTC(),
		ReloadConfigSuccess: true, LastConfigTime: a.Program.Started.UTC(), // flags are read once
		GoroutineCount: runtime.NumGoroutine(), GOMAXPROCS: runtime.GOMAXPROCS(0), GOMEMLIMIT: debug.SetMemoryLimit(-1),
		GOGC: os.Getenv("GOGC"), GODEBUG: os.Getenv("GODEBUG"), StorageRetention: a.Program.Retention,
	})
}

// Count is how many of something a name has.
type Count struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// Cardinality is where a tenant's series are, the largest first.
type Cardinality struct {
	Series, LabelPairs, Chunks           uint64
	MinTime, MaxTime                     int64 // Unix ms
	ByMetric, ValuesByLabel, ByLabelPair []Count
	BytesByLabel                         []Count // of a label's distinct values
}

// maxTSDBLimit is the most rows Prometheus lists.
const maxTSDBLimit = 10_000

func (a *api) tsdb(r *http.Request, form url.Values) answer {
	limit := 10
	if s := form.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		switch {
		case err != nil || n < 1:
			return failed(&fault.Error{Code: fault.BadQuery, Message: "limit must be a positive number"})
		case n > maxTSDBLimit:
			return failed(&fault.Error{Code: fault.BadQuery, Message: fmt.Sprintf("limit must not exceed %d", maxTSDBLimit)})
		}
		limit = n
	}
	c, err := a.Cardinality(r.Context(), tenant.FromContext(r.Context()), limit)
	if err != nil {
		return failed(err)
	}
	type head struct {
		NumSeries     uint64 `json:"numSeries"`
		NumLabelPairs uint64 `json:"numLabelPairs"`
		ChunkCount    uint64 `json:"chunkCount"`
		MinTime       int64  `json:"minTime"`
		MaxTime       int64  `json:"maxTime"`
	}
	return value(struct {
		Head          head    `json:"headStats"`
		ByMetric      []Count `json:"seriesCountByMetricName"`
		ValuesByLabel []Count `json:"labelValueCountByLabelName"`
		BytesByLabel  []Count `json:"memoryInBytesByLabelName"`
		ByLabelPair   []Count `json:"seriesCountByLabelValuePair"`
	}{
		head{c.Series, c.LabelPairs, c.Chunks, c.MinTime, c.MaxTime},
		counts(c.ByMetric), counts(c.ValuesByLabel), counts(c.BytesByLabel), counts(c.ByLabelPair),
	})
}

func counts(c []Count) []Count {
	if c == nil {
		return []Count{}
	}
	return c
}
