package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the path of the binary, built once unless there is one.
var built = sync.OnceValues(func() (string, error) {
	if *program != "" {
		return *program, nil
	}
	dir, err := os.MkdirTemp("", "trefoil-bin-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "trefoil")
	out, err := exec.Command("go", "build", "-o", path, "../../trefoil").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// server is `trefoil serve` through all its lives: same data, same ports.
type server struct {
	t               *testing.T
	dataDir         string
	flags           []string
	api, grpc, otlp string // host:port

	words *tail
	cmd   *exec.Cmd
	done  chan struct{} // closed when this life has ended
	err   error         // how; after done
	peak  int64         // most memory any life had, bytes
}

// newServer makes the directory and chooses the ports; it starts nothing.
func newServer(t *testing.T, flags ...string) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "trefoil-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dataDir: dir, flags: flags, words: &tail{}, api: freeAddress(t), grpc: freeAddress(t), otlp: freeAddress(t)}
	t.Cleanup(func() {
		s.kill(true, true)
		if t.Failed() {
			t.Logf("trefoil's last words:\n%s", s.words)
		}
		// The engine of a killed trefoil still writes for a moment.
		if err := poll(20*time.Second, func() error { return os.RemoveAll(dir) }); err != nil {
			t.Error(err)
		}
	})
	return s
}

// freeAddress is a port that stays ours while nobody listens: outside of the
// range from which the system takes ports for connections.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.IntN(20_000))))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

// start begins a life.
func (s *server) start() {
	s.t.Helper()
	path, err := built()
	if err != nil {
		s.t.Fatal(err)
	}
	args := append([]string{"serve", "--data-dir", s.dataDir, "--http-addr", s.api, "--otlp-grpc-addr", s.grpc, "--otlp-http-addr", s.otlp}, s.flags...)
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = s.words, s.words
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	s.cmd, s.done = cmd, done
	go func() {
		s.err = cmd.Wait()
		close(done)
	}()
}

// running tells whether this life goes on.
func (s *server) running() bool {
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// ready is nil when trefoil and its engine are up.
func (s *server) ready() error {
	_, err := s.get("/readyz")
	return err
}

func (s *server) waitReady() {
	s.t.Helper()
	if err := poll(2*time.Minute, func() error {
		if !s.running() {
			s.t.Fatalf("trefoil ended by itself: %v", s.err)
		}
		return s.ready()
	}); err != nil {
		s.t.Fatalf("trefoil is not ready: %v", err)
	}
}

func (s *server) get(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.api+path, nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", path, res.Status, bytes.TrimSpace(body))
	}
	return string(body), err
}

// metric is the value of a metric without labels.
func (s *server) metric(name string) (float64, error) {
	text, err := s.get("/metrics")
	if err != nil {
		return 0, err
	}
	return metricIn(text, name)
}

// metricIn finds a metric without labels.
func metricIn(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// drain waits until all that was acknowledged is in ClickHouse.
func (s *server) drain() {
	s.t.Helper()
	s.waitReady()
	if err := poll(3*time.Minute, func() error {
		for _, name := range []string{"trefoil_wal_segments", "trefoil_wal_oldest_unsent_seconds"} {
			if v, err := s.metric(name); err != nil || v != 0 {
				return fmt.Errorf("%s is %g: %w", name, v, err)
			}
		}
		return nil
	}); err != nil {
		s.t.Fatalf("the log does not drain: %v", err)
	}
}

// stop asks for a graceful end. On a busy machine the engine may need longer than it
// is given and is killed then, which must lose nothing either.
func (s *server) stop() {
	s.t.Helper()
	s.noteMemory()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	<-s.done
	if last := s.words.last(); s.err != nil && strings.HasPrefix(last, "trefoil: engine: stop") {
		fmt.Fprintln(s.t.Output(), "the engine was killed, as its stop took too long:", last)
	} else if s.err != nil {
		s.t.Fatalf("graceful stop: %v", s.err)
	}
}

// kill ends trefoil, its engine or both at once.
func (s *server) kill(trefoil, engine bool) (killed bool) {
	if !s.running() {
		return false
	}
	var victims []*os.Process
	if child := s.engine(); engine && child != nil {
		victims = append(victims, child)
	}
	if trefoil {
		s.noteMemory()
		victims = append(victims, s.cmd.Process)
	}
	for _, v := range victims {
		killed = v.Kill() == nil || killed
	}
	if trefoil {
		<-s.done
	}
	return killed
}

// engine is the child process of this life, nil when there is none right now.
// The handle is the process's own, so it never means another one later.
func (s *server) engine() *os.Process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || parentOf(pid) != s.cmd.Process.Pid {
			continue
		}
		p, err := os.FindProcess(pid)
		if err != nil || parentOf(pid) != s.cmd.Process.Pid { // gone, and the number perhaps taken again
			continue
		}
		return p
	}
	return nil
}

// parentOf reads the parent of a process from the system, 0 when it is gone.
func parentOf(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// pid (name) state parent …; a name may contain anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 2 || fields[0] == "Z" {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

// noteMemory remembers the most memory this life ever had.
func (s *server) noteMemory() {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			s.peak = max(s.peak, kib<<10)
		}
	}
}

// poll asks f until it has no error, or returns the last one.
func poll(patience time.Duration, f func() error) (err error) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = f(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("after %v: %w", patience, err)
}

// tail keeps the last words of a process.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const tailSize = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if extra := t.buf.Len() - tailSize; extra > 0 {
		t.buf.Next(extra)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

// last is the error trefoil ended with, which may have lines of the engine's, or
// else the last line.
func (t *tail) last() string {
	text := "\n" + strings.TrimSpace(t.String())
	if i := strings.LastIndex(text, "\ntrefoil: "); i >= 0 {
		return text[i+1:]
	}
	return text[strings.LastIndexByte(text, '\n')+1:]
}
