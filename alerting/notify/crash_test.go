package notify

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var errKilled = errors.New("killed")

// mortal wraps what a dispatcher does to the world outside, so that a test can
// end it at one point: from then on nothing it does has an effect.
type mortal struct {
	dead atomic.Bool
	// at is asked before and after each effect; true kills.
	at func(point string) bool
}

// dies says whether the process is dead at a point.
func (m *mortal) dies(point string) bool {
	if m.at(point) {
		m.dead.Store(true)
	}
	return m.dead.Load()
}

// transport carries the requests of one process.
func (m *mortal) transport(p *pager) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if m.dies("before send") {
			return nil, errKilled
		}
		resp, err := p.transport.RoundTrip(r)
		if m.dies("after send") {
			return nil, errKilled
		}
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (m *mortal) hook() func(Entry) error {
	return func(e Entry) error {
		point := "before outcome"
		if e.Intent.ID != "" {
			point = "before intent"
		}
		if m.dies(point) {
			return errKilled
		}
		return nil
	}
}

// TestKilled ends the process at each point of the table in the package's
// documentation, starts the next one, and counts what the receiver got.
func TestKilled(t *testing.T) {
	for _, tt := range []struct {
		point string
		// pages is how often the receiver is told; more than one must carry
		// the same id.
		pages int
	}{
		{"before intent", 1},
		{"before send", 1},
		{"after send", 2},
		{"before outcome", 2},
		{"never", 1},
	} {
		for _, evaluates := range []bool{true, false} {
			name := tt.point
			if !evaluates {
				name += ", the alert is not put again at once"
			}
			bubble(t, name, func(t *testing.T) {
				p := newPager(t, "pager")
				store := &disk{}
				m := &mortal{at: func(point string) bool { return point == tt.point }}
				store.refuse(m.hook())
				first := run(t, store, Config{Transport: m.transport(p)}, p)
				first.put(t, firing("a"))
				time.Sleep(time.Second)
				m.dead.Store(true)
				first.stop()

				store.refuse(nil)
				second := run(t, store, Config{}, p)
				if evaluates || tt.point == "before intent" {
					second.put(t, firing("a"))
				}
				time.Sleep(6 * time.Minute)
				second.put(t, firing("a"))
				time.Sleep(time.Hour)
				if got := p.pages(); len(got) != tt.pages {
					t.Errorf("told %d times, want %d: %v", len(got), tt.pages, got)
				}
				for _, id := range p.ids {
					if id != p.ids[0] || id == "" {
						t.Errorf("ids differ: %v", p.ids)
					}
				}
				second.put(t, resolved("a"))
				time.Sleep(time.Hour)
				got := p.pages()
				if last := got[len(got)-1]; len(got) != tt.pages+1 || !strings.HasSuffix(last, "resolved (all alerts resolved) a-") {
					t.Errorf("resolution: %v", got)
				}
			})
		}
	}
}

func TestRestart(t *testing.T) {
	bubble(t, "no second page, however often", func(t *testing.T) {
		p := newPager(t, "pager")
		store := &disk{}
		for range 10 {
			d := run(t, store, Config{}, p)
			d.put(t, firing("a"))
			time.Sleep(time.Minute)
			d.stop()
		}
		p.want("0s firing (first notification) a!")
	})
	bubble(t, "the repeat interval goes on across restarts", func(t *testing.T) {
		p := newPager(t, "pager")
		store := &disk{}
		for range 5 {
			d := run(t, store, Config{}, p)
			d.put(t, firing("a"))
			time.Sleep(time.Hour)
			d.stop()
		}
		p.want("0s firing (first notification) a!", "4h5m0s firing (repeat interval elapsed) a!")
	})
	bubble(t, "an attempt under way at the stop is finished and recorded", func(t *testing.T) {
		p := newPager(t, "pager")
		p.answer = func(http.ResponseWriter, *http.Request, int) { time.Sleep(2 * time.Second) }
		store := &disk{}
		d := run(t, store, Config{}, p)
		d.put(t, firing("a"))
		time.Sleep(time.Second)
		began := time.Now()
		d.stop()
		if took := time.Since(began); took != time.Second {
			t.Errorf("stop took %v", took)
		}
		if e := store.all()[0]; e.Sent.ID == "" || e.Intent.ID != "" {
			t.Errorf("log %+v", e)
		}
	})
	bubble(t, "a hanging receiver does not hang the stop", func(t *testing.T) {
		p := newPager(t, "pager")
		p.answer = func(w http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }
		store := &disk{}
		d := run(t, store, Config{}, p)
		d.put(t, firing("a"))
		time.Sleep(time.Second)
		began := time.Now()
		d.stop()
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("stop took %v", took)
		}
		if e := store.all()[0]; e.Intent.ID == "" {
			t.Errorf("the intent is lost: %+v", e)
		}
	})
	bubble(t, "an intent of long ago is not sent", func(t *testing.T) {
		p := newPager(t, "pager")
		p.answer = func(w http.ResponseWriter, _ *http.Request, n int) { w.WriteHeader(500) }
		store := &disk{}
		d := run(t, store, Config{}, p)
		d.put(t, firing("a"))
		time.Sleep(time.Minute)
		d.stop()
		time.Sleep(5 * time.Hour)
		p.behave(nil)
		run(t, store, Config{}, p).put(t, firing("a"))
		time.Sleep(9 * time.Minute)
		p.want("5h1m0s firing (first notification) a!")
	})
	bubble(t, "an entry of a receiver that is gone is left alone", func(t *testing.T) {
		p, q := newPager(t, "p"), newPager(t, "q")
		store := &disk{}
		d := run(t, store, Config{}, p)
		d.put(t, firing("a"))
		time.Sleep(time.Minute)
		d.stop()
		d = run(t, store, Config{}, q)
		d.put(t, firing("a"))
		time.Sleep(time.Minute)
		d.stop()
		q.want("1m0s firing (first notification) a!")
		run(t, store, Config{}, p, q).put(t, firing("a"))
		time.Sleep(time.Hour)
		p.want("0s firing (first notification) a!")
	})
}

// The log cannot be written: the page goes out, and the log catches up.
func TestLogAway(t *testing.T) {
	bubble(t, "away", func(t *testing.T) {
		p := newPager(t, "pager")
		store := &disk{}
		store.refuse(func(Entry) error { return errors.New("store is down") })
		d := run(t, store, Config{}, p)
		d.put(t, firing("a"))
		time.Sleep(time.Minute)
		p.want("0s firing (first notification) a!")
		if len(store.all()) != 0 {
			t.Error(store.all())
		}
		store.refuse(nil)
		time.Sleep(5 * time.Minute)
		d.stop()
		run(t, store, Config{}, p).put(t, firing("a"))
		time.Sleep(time.Hour)
		p.want("0s firing (first notification) a!")
	})
}
