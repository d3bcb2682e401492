package chaos

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
)

// most is the memory trefoil itself may have, whatever waits in its log.
const most = 300 << 20

// An engine that stops answering under load is not noticed by senders: the log
// takes what comes, and all of it is in ClickHouse in the end.
func TestFrozenEngine(t *testing.T) {
	s := newServer(t, "--tenant-active-series", "0") // each record of a metric is a series of its own, so that it can be counted
	s.start()
	s.waitReady()
	l := startLoad(t, s, loadConfig{workers: 2, batch: 20, pause: 20 * time.Millisecond, filler: 200})
	time.Sleep(2 * time.Second)
	thaw := s.freeze()
	before := l.acks()
	for end := time.Now().Add(*freeze); time.Now().Before(end); {
		time.Sleep(min(*freeze/4, time.Until(end)+time.Millisecond))
		now := l.acks()
		if sig, d, ok := still(before, now); ok {
			t.Errorf("%v over %v: nothing was acknowledged for a quarter of the time without the engine", sig, d)
		}
		before = now
		fmt.Fprintf(t.Output(), "without engine  acked %d  log %s  trefoil's memory %d MiB\n", l.ledger.totalAcked(), s.logSize(), s.memory()>>20)
	}
	thaw()
	time.Sleep(2 * time.Second)
	l.end()
	began := time.Now()
	s.drain()
	drained := time.Since(began)
	s.stop()
	account := l.ledger.compare(count(t, s))
	fmt.Fprintf(t.Output(), "\nengine frozen for %v, log empty %v after the load, trefoil's memory at most %d MiB\n", *freeze, drained.Round(time.Millisecond), s.peak>>20)
	judge(t, l, account)
	if n := l.ledger.failed.Load(); n > 0 {
		t.Errorf("%d exports failed", n)
	}
	if s.peak > most {
		t.Errorf("trefoil had %d MiB of memory, want at most %d", s.peak>>20, most>>20)
	}
}

// A log that is full makes senders wait, in the words of OTLP and of no other
// error, and goes on when there is room.
func TestFullLog(t *testing.T) {
	s := newServer(t, "--wal-max-bytes", "4MiB")
	s.start()
	s.waitReady()
	l := startLoad(t, s, loadConfig{workers: 2, batch: 20, pause: 10 * time.Millisecond, filler: 500})
	time.Sleep(time.Second)
	thaw := s.freeze()
	if err := poll(time.Minute, func() error {
		if min(l.answers.of(grpcRefusal), l.answers.of(httpRefusal), l.answers.of(writeRefusal), l.answers.of(pushRefusal), l.answers.of(jsonRefusal)) < 4 {
			return fmt.Errorf("answers: %v", l.answers)
		}
		return nil
	}); err != nil {
		t.Fatalf("a log that may have 4 MiB and is not emptied does not refuse: %v", err)
	}
	fmt.Fprintf(t.Output(), "full            acked %d  log %s  answers: %v\n", l.ledger.totalAcked(), s.logSize(), l.answers)
	thaw()
	full := l.acks()
	if err := poll(time.Minute, func() error {
		if sig, d, ok := still(full, l.acks()); ok {
			return fmt.Errorf("%v over %v: nothing acknowledged", sig, d)
		}
		return nil
	}); err != nil {
		t.Errorf("the log does not recover: %v", err)
	}
	l.end()
	s.drain()
	s.stop()
	account := l.ledger.compare(count(t, s))
	fmt.Fprintf(t.Output(), "\nlog of 4 MiB filled and emptied, trefoil's memory at most %d MiB\n", s.peak>>20)
	judge(t, l, account)
	expected := []string{grpcOK, grpcLost, grpcRefusal, httpOK, httpLost, httpRefusal, writeOK, writeLost, writeRefusal, pushOK, pushLost, pushRefusal, jsonOK, jsonLost, jsonRefusal, givenUp}
	for _, kind := range l.answers.kinds() {
		if !slices.Contains(expected, kind) {
			t.Errorf("answers of the kind %q", kind)
		}
	}
	if s.peak > most {
		t.Errorf("trefoil had %d MiB of memory, want at most %d", s.peak>>20, most>>20)
	}
}

// freeze stops the engine without ending it until thaw.
func (s *server) freeze() (thaw func()) {
	s.t.Helper()
	child := s.engine()
	if child == nil {
		s.t.Fatal("trefoil has no engine")
	}
	signal := func(sig os.Signal) {
		if err := child.Signal(sig); err != nil {
			s.t.Fatalf("engine: %v: %v", sig, err)
		}
	}
	signal(syscall.SIGSTOP)
	return func() { signal(syscall.SIGCONT) }
}

// logSize is what the log takes of its budget.
func (s *server) logSize() string {
	v, err := s.metric("trefoil_wal_bytes")
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.1f MiB", v/(1<<20))
}

// memory is the most this life had so far.
func (s *server) memory() int64 {
	s.noteMemory()
	return s.peak
}

// acks is how many records were acknowledged so far, everywhere.
func (l *load) acks() (n [signals][doors]int64) {
	for s := range n {
		for d := range n[s] {
			n[s][d] = l.ledger.acked[s][d].Load()
		}
	}
	return n
}

// still finds where nothing was acknowledged in between.
func still(before, now [signals][doors]int64) (signal, door, bool) {
	for s := range before {
		for d := range before[s] {
			if door(d).takes(signal(s)) && before[s][d] == now[s][d] {
				return signal(s), door(d), true
			}
		}
	}
	return 0, 0, false
}
