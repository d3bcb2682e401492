package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/engine"
)

var (
	kills    = flag.Int("kills", 10, "how often TestKills kills")
	seed     = flag.Uint64("seed", 0, "of the moments and victims of TestKills; 0: another one each time")
	lull     = flag.Duration("lull", time.Second, "longest time between trefoil being ready and the next kill")
	freeze   = flag.Duration("freeze", 3*time.Second, "how long TestFrozenEngine stops the engine")
	program  = flag.String("trefoil", "", "the binary; empty: build one")
	progress = flag.Duration("progress", 5*time.Second, "time between two lines that say how far a test is")
)

func TestMain(m *testing.M) {
	engine.MaybeChild()
	flag.Parse()
	code := m.Run()
	if path, err := built(); err == nil && *program == "" {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// victim is whom a kill hits.
type victim int

const (
	onlyTrefoil victim = iota
	onlyEngine
	both
	victims // how many kinds there are
)

func (v victim) String() string { return [...]string{"trefoil", "engine", "both"}[v] }

// slayer kills at random and brings back to life.
type slayer struct {
	t      *testing.T
	server *server
	load   *load
	random *rand.Rand
	kills  [victims]int
	early  int // while it was starting
	gaveUp int // starts that ended because the engine was killed under them
	began  time.Time
	said   time.Time
}

// rush is how long before a kill senders make no pauses, so that it meets many
// requests in every state.
const rush = 100 * time.Millisecond

// Whatever dies and whenever, an acknowledged record is stored exactly once.
func TestKills(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	s := newServer(t)
	s.start()
	s.waitReady()
	k := &slayer{t: t, server: s, random: rand.New(rand.NewPCG(*seed, 0)), began: time.Now()}
	fmt.Fprintf(t.Output(), "%d kills, seed %d\n", *kills, *seed)
	k.load = startLoad(t, s, loadConfig{workers: 3, batch: 10, pause: 75 * time.Millisecond})
	for n := range *kills {
		k.once(n)
		k.say()
	}
	s.waitAlive(k)
	time.Sleep(*lull)
	k.load.end()
	s.drain()
	s.stop()
	account := k.load.ledger.compare(count(t, s))
	fmt.Fprintf(t.Output(), "\n%d kills (trefoil %d, engine %d, both %d; %d of them while starting; %d starts given up), seed %d, %v, trefoil's memory at most %d MiB\n",
		*kills, k.kills[onlyTrefoil], k.kills[onlyEngine], k.kills[both], k.early, k.gaveUp, *seed, time.Since(k.began).Round(time.Second), s.peak>>20)
	judge(t, k.load, account)
	if sum := account.sum(); sum.retried == 0 || sum.storedUnacked == 0 {
		t.Error("no request was sent twice, or none is stored without an answer: the kills met nothing")
	}
	if t.Failed() {
		t.Logf("seed %d", *seed)
	}
}

// judge prints what happened and fails on every fault.
func judge(t *testing.T, l *load, account report) {
	t.Helper()
	fmt.Fprintf(t.Output(), "answers: %v\n", l.answers)
	account.print(t.Output())
	if faults := account.faults(); faults != "" {
		t.Error(faults)
	}
}

// once is one kill and the restart. The moment is random, in one of four cases
// while trefoil is still starting; in two of three it is one at which a segment
// is on its way to the engine, which is rare otherwise.
func (k *slayer) once(n int) {
	k.t.Helper()
	early := k.random.IntN(4) == 0
	wait := time.Duration(k.random.Int64N(int64(*lull)))
	who := victim(k.random.IntN(int(victims)))
	if early {
		wait = time.Duration(k.random.Int64N(int64(2 * time.Second)))
	} else {
		k.server.waitAlive(k)
	}
	time.Sleep(wait)
	k.load.hurry.Store(true)
	time.Sleep(rush)
	defer k.load.hurry.Store(false)
	if k.random.IntN(3) > 0 {
		k.server.awaitSegment(2 * time.Second)
		time.Sleep(time.Duration(k.random.Int64N(int64(80 * time.Millisecond))))
	}
	// There may be no engine at this moment; then the moment is a later one.
	if err := poll(time.Minute, func() error {
		k.revive()
		starting := k.server.ready() != nil
		if who != onlyTrefoil && k.server.engine() == nil {
			return fmt.Errorf("kill %d: trefoil has no engine", n)
		}
		if !k.server.kill(who != onlyEngine, who != onlyTrefoil) {
			return fmt.Errorf("kill %d: nothing to kill", n)
		}
		if starting {
			k.early++
		}
		return nil
	}); err != nil {
		k.t.Fatal(err)
	}
	k.kills[who]++
	if who != onlyEngine {
		k.server.start()
	}
}

// awaitSegment waits for the log to begin a new segment, so that the one before
// is being stored.
func (s *server) awaitSegment(patience time.Duration) {
	newest := func() string {
		names, _ := filepath.Glob(filepath.Join(s.dataDir, "wal", "*.wal"))
		if len(names) == 0 {
			return ""
		}
		return slices.Max(names)
	}
	before := newest()
	for end := time.Now().Add(patience); newest() == before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// revive starts trefoil again if it ended because its engine was killed while
// both were starting, as the system's service manager would.
func (k *slayer) revive() {
	k.t.Helper()
	if k.server.running() {
		return
	}
	last := k.server.words.last()
	underIt := strings.Contains(last, "signal: killed")
	if k.kills[onlyEngine] == 0 || !underIt {
		k.t.Fatalf("trefoil ended by itself: %v: %s", k.server.err, last)
	}
	k.gaveUp++
	k.server.start()
}

// waitAlive waits until trefoil and its engine are ready.
func (s *server) waitAlive(k *slayer) {
	s.t.Helper()
	if err := poll(2*time.Minute, func() error {
		k.revive()
		k.say()
		return s.ready()
	}); err != nil {
		s.t.Fatalf("trefoil is not ready: %v", err)
	}
}

// say tells people how far it is, not too often.
func (k *slayer) say() {
	if time.Since(k.said) < *progress {
		return
	}
	k.said = time.Now()
	done := 0
	for _, n := range k.kills {
		done += n
	}
	fmt.Fprintf(k.t.Output(), "%5.0fs  kill %d/%d  acked %d  exports failed %d\n", time.Since(k.began).Seconds(), done, *kills, k.load.ledger.totalAcked(), k.load.ledger.failed.Load())
}
