package chaos

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var soak = flag.Duration("soak", 0, "how long TestSoak loads trefoil; 0: not at all")

// moment is what trefoil uses at a time.
type moment struct {
	at                                 time.Duration
	acked                              int64
	memory, goroutines, parts, most    float64
	wal, segments, settling, engineRSS float64
}

// soakSeries is how many series of each kind there are: a soak looks for what
// grows with time, not with what is sent.
const soakSeries = 5000

// Under full load for a long time nothing grows without bound: not memory, not
// goroutines, not parts, not the log. What the second third of the time has to
// do with, the last third has to as well.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("-soak says how long")
	}
	s := newServer(t)
	s.start()
	s.waitReady()
	l := startLoad(t, s, loadConfig{workers: 2, batch: 200, filler: 60, series: soakSeries})
	l.hurry.Store(true)
	began := time.Now()
	var all []moment
	w := tabwriter.NewWriter(t.Output(), 9, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "time\tacked\tacked/s\tmemory MiB\tengine MiB\tgoroutines\tparts\tin one partition\tlog MiB\tsegments\tsettling\t")
	for time.Since(began) < *soak {
		time.Sleep(min(*soak/30, 20*time.Second))
		m, err := s.look(time.Since(began), l.ledger.totalAcked())
		if err != nil {
			t.Error(err)
			break
		}
		m.print(w, all)
		w.Flush()
		all = append(all, m)
	}
	l.end()
	fmt.Fprintf(t.Output(), "answers: %v\n", l.answers)
	s.drain()
	s.stop()
	if n := l.ledger.failed.Load(); n > 0 {
		t.Errorf("%d exports failed", n)
	}
	for _, what := range []struct {
		name  string
		of    func(*moment) float64
		slack float64 // what may come on top, beside a quarter
		most  float64
	}{
		{"memory", func(m *moment) float64 { return m.memory }, 32 << 20, most},
		{"goroutines", func(m *moment) float64 { return m.goroutines }, 50, 2000},
		{"parts", func(m *moment) float64 { return m.parts }, 50, 2000},
		{"parts in one partition", func(m *moment) float64 { return m.most }, 20, 300},
		{"log", func(m *moment) float64 { return m.wal }, 128 << 20, 2 << 30},
	} {
		before, after := mean(all[len(all)/3:2*len(all)/3], what.of), mean(all[2*len(all)/3:], what.of)
		if after > before*1.25+what.slack {
			t.Errorf("%s grows: %.4g in the second third of the time, %.4g in the last", what.name, before, after)
		}
		if after > what.most {
			t.Errorf("%s: %.4g in the last third, want at most %.4g", what.name, after, what.most)
		}
	}
}

// look measures now.
func (s *server) look(at time.Duration, acked int64) (m moment, err error) {
	text, err := s.get("/metrics")
	if err != nil {
		return m, err
	}
	m.at, m.acked = at, acked
	for name, into := range map[string]*float64{
		"process_resident_memory_bytes": &m.memory, "go_goroutines": &m.goroutines,
		"trefoil_clickhouse_parts": &m.parts, "trefoil_clickhouse_partition_parts": &m.most,
		"trefoil_wal_bytes": &m.wal, "trefoil_wal_segments": &m.segments, "trefoil_wal_settling_segments": &m.settling,
	} {
		if *into, err = metricIn(text, name); err != nil {
			return m, err
		}
	}
	if child := s.engine(); child != nil {
		m.engineRSS = resident(child.Pid)
	}
	return m, nil
}

// resident is the memory of a process, 0 when it is gone.
func resident(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	return pages * float64(os.Getpagesize())
}

func (m *moment) print(w *tabwriter.Writer, before []moment) {
	rate := float64(m.acked) / m.at.Seconds()
	if n := len(before); n > 0 {
		rate = float64(m.acked-before[n-1].acked) / (m.at - before[n-1].at).Seconds()
	}
	const mib = 1 << 20
	fmt.Fprintf(w, "%v\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.1f\t%.0f\t%.0f\t\n", m.at.Round(time.Second), m.acked, rate,
		m.memory/mib, m.engineRSS/mib, m.goroutines, m.parts, m.most, m.wal/mib, m.segments, m.settling)
}

func mean(list []moment, of func(*moment) float64) (sum float64) {
	for i := range list {
		sum += of(&list[i])
	}
	return sum / float64(max(len(list), 1))
}
