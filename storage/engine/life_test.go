package engine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/trefoil-o11y/trefoil/storage/engine"
)

const table = "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n"

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// A killed engine comes back on the same ports with the same passwords, and an open pool goes on.
func TestRestart(t *testing.T) {
	var seen states
	cfg := testConfig(newDir(t))
	cfg.OnState = seen.add
	e := start(t, cfg)
	ep := e.Endpoint()
	conn := worker(t, ep)
	exec(t, conn, table)
	for round, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGABRT} {
		exec(t, conn, "INSERT INTO t SELECT number FROM numbers(1000)")
		pid := e.PID()
		if err := syscall.Kill(pid, sig); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "a restart", func() bool { return e.Restarts() == round+1 && e.State() == engine.Ready })
		if e.PID() == pid || e.PID() == 0 {
			t.Errorf("round %d: PID %d after %d", round, e.PID(), pid)
		}
		if e.Err() != nil {
			t.Errorf("round %d: ready, but Err is %v", round, e.Err())
		}
		if e.Endpoint() != ep {
			t.Errorf("round %d: endpoint changed", round)
		}
		waitFor(t, "the pool", func() bool { _, err := count(conn, "t"); return err == nil })
		wantCount(t, conn, "t", uint64(round+1)*1000)
	}
	conn.Close()
	stop(t, e)
	if want := "[ready restarting ready restarting ready restarting ready stopping stopped]"; seen.String() != want {
		t.Errorf("states %v; want %v", &seen, want)
	}
}

// While the engine is down nobody else can listen on its port and be told its clients' passwords.
func TestPortsStayReserved(t *testing.T) {
	e := start(t, testConfig(newDir(t)))
	addr := e.Endpoint().TCPAddr
	kill(t, e.PID())
	waitFor(t, "the crash", func() bool { return e.State() == engine.Restarting })
	if l, err := net.Listen("tcp", addr); err == nil {
		l.Close()
		t.Errorf("%s was free while the engine was down", addr)
	}
	waitFor(t, "the restart", func() bool { return e.State() == engine.Ready })
}

// Bytes that are no protocol at all, and connections that end in the middle, must not end the engine.
func TestGarbage(t *testing.T) {
	e := start(t, testConfig(newDir(t)))
	ep, pid := e.Endpoint(), e.PID()
	rng := rand.New(rand.NewPCG(1, 2))
	inputs := [][]byte{
		[]byte("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"),
		[]byte("POST /?query=SELECT HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
		{0},                               // a hello that ends at once
		{0, 0xff, 0xff, 0xff, 0xff, 0x7f}, // a client name of gigabytes
	}
	for range 20 {
		b := make([]byte, 20)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		inputs = append(inputs, b)
	}
	for _, addr := range []string{ep.TCPAddr, ep.HTTPAddr} {
		for _, input := range inputs {
			abuse(t, addr, input, false)
			abuse(t, addr, input, true)
		}
		for range 300 {
			abuse(t, addr, nil, true)
		}
	}
	wantCount(t, worker(t, ep), "numbers(10)", 10)
	if e.PID() != pid || e.Restarts() != 0 {
		t.Errorf("the engine restarted: %v", e.Err())
	}
}

func abuse(t *testing.T, addr string, input []byte, reset bool) {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if reset {
		c.(*net.TCPConn).SetLinger(0)
	}
	if len(input) == 0 {
		return
	}
	c.Write(input)
	if !reset {
		c.(*net.TCPConn).CloseWrite()
		c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		c.Read(make([]byte, 512))
	}
}

// A stop is quick, flushes what the engine still holds in memory, and gives the directory back.
func TestStop(t *testing.T) {
	cfg := testConfig(newDir(t))
	e := start(t, cfg)
	pid := e.PID()
	cfg.TCPPort = tcpPort(t, e.Endpoint()) // for the next start: connections that linger must not block it
	conn := worker(t, e.Endpoint())
	exec(t, conn, table, "INSERT INTO t VALUES (1), (2)", "SELECT 'find me in the log' FROM t")
	conn.Close()
	null := devNull(t)
	began := time.Now()
	stop(t, e)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("stop took %v", took)
	}
	if now := devNull(t); now != null { // the prompt changes the mode of its history file as it ends
		t.Errorf("/dev/null had mode %v and has %v", null, now)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("child %d after stop: %v", pid, err)
	}
	select {
	case <-e.Done():
	default:
		t.Error("Done is open after Stop")
	}
	stop(t, e) // again: no harm

	again := worker(t, start(t, cfg).Endpoint())
	wantCount(t, again, "t", 2)
	// within query_log's flush interval: only the stop can have written it
	wantCount(t, again, "system.query_log WHERE type = 'QueryFinish' AND query LIKE '%find me in the log%' AND query NOT LIKE '%query_log%'", 1)
}

func devNull(t *testing.T) os.FileMode {
	t.Helper()
	info, err := os.Stat(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func tcpPort(t *testing.T, ep engine.Endpoint) int {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", ep.TCPAddr)
	if err != nil {
		t.Fatal(err)
	}
	return addr.Port
}

// The child must outlive neither its parent nor the flush, and the next start waits for it.
func TestParentDies(t *testing.T) {
	dir := newDir(t)
	parent := osexec.Command("/proc/self/exe", holdCommand, dir)
	parent.Env = os.Environ()
	parent.Stderr = os.Stderr
	stdin, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer parent.Process.Kill()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	ep := engine.Endpoint{User: "trefoil", Database: engine.Database}
	if _, err := fmt.Sscan(line, &pid, &ep.TCPAddr, &ep.Password); err != nil {
		t.Fatal(err)
	}
	conn := worker(t, ep)
	exec(t, conn, table, "INSERT INTO t VALUES (1), (2), (3)")

	err = startError(t, testConfig(dir), engine.ErrDataDirInUse) // a living owner: refused at once
	if want := fmt.Sprint(parent.Process.Pid); !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not name process %s", err, want)
	}

	parent.Process.Kill()
	parent.Wait()
	e := start(t, testConfig(dir)) // the open pool delays the orphan: the start has to wait
	if e.PID() == pid {
		t.Errorf("PID is still %d", pid)
	}
	wantCount(t, worker(t, e.Endpoint()), "t", 3)
}

// A parent that dies while its child is starting leaves an orphan that ends too, and the next start waits for it.
func TestParentDiesEarly(t *testing.T) {
	dir := newDir(t)
	for wait := 40 * time.Millisecond; wait < 400*time.Millisecond; wait += 40 * time.Millisecond {
		parent := osexec.Command("/proc/self/exe", holdCommand, dir)
		parent.Stderr = os.Stderr
		stdin, err := parent.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := parent.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(wait)
		parent.Process.Kill()
		parent.Wait()
		stdin.Close()
		stop(t, start(t, testConfig(dir)))
	}
}

func TestStartTwice(t *testing.T) {
	dir := newDir(t)
	e := start(t, testConfig(dir))
	began := time.Now()
	startError(t, testConfig(dir), engine.ErrDataDirInUse)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the refusal took %v", took)
	}
	wantCount(t, worker(t, e.Endpoint()), "numbers(1)", 1) // the first one is unharmed
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := testConfig(newDir(t))
	cfg.HTTPPort = l.Addr().(*net.TCPAddr).Port
	err = startError(t, cfg, engine.ErrPortTaken)
	if !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("error %q does not name %s", err, l.Addr())
	}
	l.Close()
	e := start(t, cfg) // the failed start let go of everything
	if want := fmt.Sprintf("127.0.0.1:%d", cfg.HTTPPort); e.Endpoint().HTTPAddr != want {
		t.Errorf("HTTP at %s; want %s", e.Endpoint().HTTPAddr, want)
	}

	second := testConfig(newDir(t)) // another engine of the same user counts as well
	second.HTTPPort = cfg.HTTPPort
	startError(t, second, engine.ErrPortTaken)
}

func TestDiskFull(t *testing.T) {
	cfg := testConfig(newDir(t))
	cfg.MinFreeDisk = 1 << 60
	startError(t, cfg, engine.ErrDiskFull)
	cfg.MinFreeDisk = 0
	start(t, cfg)
}

func TestReadyTimeout(t *testing.T) {
	cfg := testConfig(newDir(t))
	cfg.ReadyTimeout = 20 * time.Millisecond
	startError(t, cfg, engine.ErrReadyTimeout)
	cfg.ReadyTimeout = 0
	start(t, cfg) // no child was left behind
}

func TestStartCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := engine.Start(ctx, testConfig(newDir(t))); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v; want %v", err, context.Canceled)
	}
}

// What the engine says about damaged data reaches the caller.
func TestDamagedMetadata(t *testing.T) {
	cfg := testConfig(newDir(t))
	e := start(t, cfg)
	conn := worker(t, e.Endpoint())
	exec(t, conn, table)
	conn.Close()
	stop(t, e)
	path := filepath.Join(cfg.DataDir, "data", "metadata", "trefoil.sql")
	if err := os.WriteFile(path, []byte("ATTACH NONSENSE 'x'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := startError(t, cfg, nil)
	var words *engine.ChildError
	if !errors.As(err, &words) || !strings.Contains(err.Error(), "Syntax error") || !strings.Contains(err.Error(), "NONSENSE") {
		t.Errorf("error %v; want the engine's syntax error", err)
	}
}

// A disk that was full while the engine made a log table leaves an empty declaration; it must not keep the engine
// from starting.
func TestEmptyLogTableDeclaration(t *testing.T) {
	cfg := testConfig(newDir(t))
	e := start(t, cfg)
	conn := worker(t, e.Endpoint())
	exec(t, conn, table, "INSERT INTO t VALUES (1)", "SYSTEM FLUSH LOGS")
	conn.Close()
	stop(t, e)
	if err := os.Truncate(filepath.Join(cfg.DataDir, "data", "metadata", "system", "query_log.sql"), 0); err != nil {
		t.Fatal(err)
	}
	e = start(t, cfg)
	conn = worker(t, e.Endpoint())
	wantCount(t, conn, "t", 1)
	exec(t, conn, "SYSTEM FLUSH LOGS")
	conn.Close()
	stop(t, e)
}

// A crash loop backs off, shows itself, and can be stopped.
func TestCrashLoop(t *testing.T) {
	cfg := testConfig(newDir(t))
	e := start(t, cfg)
	path := filepath.Join(cfg.DataDir, "data", "metadata", "trefoil.sql")
	if err := os.WriteFile(path, []byte("ATTACH NONSENSE 'x'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kill(t, e.PID())
	waitFor(t, "a failed restart", func() bool {
		return e.Err() != nil && strings.Contains(e.Err().Error(), "Syntax error")
	})
	if e.State() != engine.Restarting || e.PID() != 0 {
		t.Errorf("state %v, PID %d; want restarting, 0", e.State(), e.PID())
	}
	began := time.Now()
	stop(t, e)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("stop took %v", took)
	}
}

// A directory's name is data, not syntax: not for XML, not for SQL, not for the shell.
func TestOddDirectory(t *testing.T) {
	e := start(t, testConfig(filepath.Join(t.TempDir(), `a b'c"d&e<f>{g}`)))
	wantCount(t, worker(t, e.Endpoint()), "numbers(3)", 3)
}

// The engine's threads are as nice as they are to be, those that it starts later too; a few it makes anything but.
func TestNiceness(t *testing.T) {
	cfg := testConfig(newDir(t))
	cfg.Niceness = 3
	e := start(t, cfg)
	wantCount(t, worker(t, e.Endpoint()), "numbers(3)", 3)
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", e.PID()))
	if err != nil {
		t.Fatal(err)
	}
	nice := 0
	for _, thread := range threads {
		id, err := strconv.Atoi(filepath.Base(thread))
		if err != nil {
			t.Fatal(err)
		}
		// The system call answers 20 less the niceness.
		if got, err := unix.Getpriority(unix.PRIO_PROCESS, id); err == nil && got == 20-cfg.Niceness {
			nice++
		}
	}
	if nice < 10 || nice < len(threads)*3/4 {
		t.Errorf("%d of %d threads are nice", nice, len(threads))
	}
}

func TestBadConfig(t *testing.T) {
	for want, cfg := range map[string]engine.Config{
		"DataDir is empty":  {},
		"backslash":         {DataDir: `a\b`},
		"control character": {DataDir: "a\nb"},
		"port 65536":        {DataDir: "a", TCPPort: 65536},
		"port -1":           {DataDir: "a", HTTPPort: -1},
		"MemoryLimit 1:":    {DataDir: "a", MemoryLimit: 1},
		"Niceness 20:":      {DataDir: "a", Niceness: 20},
	} {
		if _, err := engine.Start(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %q", err, want)
		}
	}
}
