package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/enginelib"
)

// Engine is a running embedded ClickHouse. It is made by Start and ended by Stop.
type Engine struct {
	cfg      Config
	layout   layout
	library  string
	endpoint Endpoint
	lock     *os.File
	ports    []*reservation
	spec     childSpec

	stopping chan struct{} // closed by the first Stop
	stopOnce sync.Once
	done     chan struct{} // closed when the engine has ended for good
	stopErr  error         // valid once done is closed

	mu       sync.Mutex
	state    State
	pid      int
	restarts int
	lastErr  error
	epoch    string // see Epoch

	syncing    sync.Mutex // guards what follows
	wholeUntil time.Time  // parts older than this are known to be on disk
	failures   int64      // writes that had failed in the child failedPID at the last Sync
	failedPID  int

	notify sync.Mutex // keeps OnState calls in order
}

// Start verifies the library, takes the data directory and brings the engine up. It returns when the engine answers
// queries and Endpoint().Database exists; ctx bounds the start only. Errors wrap the sentinels of this package where
// the cause is known, and carry the engine's own last words as *ChildError where it spoke.
func Start(ctx context.Context, cfg Config) (_ *Engine, err error) {
	if !enginelib.Supported {
		return nil, fmt.Errorf("engine: %w", enginelib.ErrUnsupported)
	}
	if os.Getenv(stageVariable) != "" {
		return nil, fmt.Errorf("engine: %w", ErrChildRecursion)
	}
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	library, err := enginelib.Locate(cfg.Library)
	if err != nil {
		return nil, err
	}
	if err := enginelib.Verify(ctx, library); err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, layout: layout{cfg.DataDir}, library: library,
		stopping: make(chan struct{}), done: make(chan struct{}), wholeUntil: time.Now(),
	}
	defer func() {
		if err != nil {
			e.release()
		}
	}()
	if err := e.prepare(ctx); err != nil {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			err = fmt.Errorf("engine: %w: %w", ErrDiskFull, err)
		}
		return nil, err
	}
	child, err := e.launch(ctx)
	if err != nil {
		return nil, err
	}
	e.setState(Ready, child.cmd.Process.Pid, nil)
	go e.supervise(child)
	return e, nil
}

// prepare takes the directory and the ports and writes the configuration.
func (e *Engine) prepare(ctx context.Context) (err error) {
	if err := e.layout.create(); err != nil {
		return err
	}
	if e.lock, err = lockDir(ctx, e.layout.lock()); err != nil {
		return err
	}
	free, err := freeDisk(e.layout.root)
	if err != nil {
		return err
	}
	if free < e.cfg.MinFreeDisk {
		return fmt.Errorf("engine: %w: %s has %d MiB free, need %d", ErrDiskFull, e.layout.root, free>>20, e.cfg.MinFreeDisk>>20)
	}
	for _, port := range []int{e.cfg.TCPPort, e.cfg.HTTPPort} {
		r, err := reservePort(port)
		if err != nil {
			return err
		}
		e.ports = append(e.ports, r)
	}
	tcp, http := e.ports[0].port, e.ports[1].port
	e.endpoint = Endpoint{
		TCPAddr: net.JoinHostPort(loopback, strconv.Itoa(tcp)), HTTPAddr: net.JoinHostPort(loopback, strconv.Itoa(http)),
		User: workUser, Password: newPassword(), ReadUser: readUser, ReadPassword: newPassword(), Database: Database,
	}
	if err := writeServerConfig(e.layout, e.cfg, e.endpoint, tcp, http); err != nil {
		return err
	}
	e.spec = childSpec{Dir: e.layout.root, Library: e.library, TCPPort: tcp, HTTPPort: http, Confine: !e.cfg.Unconfined, Niceness: e.cfg.Niceness}
	if e.spec.Confine && landlockABI() == 0 {
		e.cfg.Logger.Warn("engine: this kernel has no Landlock: SQL that reaches the engine can read every file this user can read")
		e.spec.Confine = false
	}
	raw, err := json.Marshal(e.spec)
	if err == nil {
		err = writeFileAtomic(e.layout.spec(), raw, 0o600)
	}
	if err != nil {
		return fmt.Errorf("engine: config: %w", err)
	}
	return nil
}

// launch mends what the last child left, starts one and waits until it answers a query. Parts that it found broken as
// it loaded its tables are mended by another start.
func (e *Engine) launch(ctx context.Context) (*process, error) {
	for {
		if err := e.mend(); err != nil {
			return nil, err
		}
		child, err := e.launchOnce(ctx)
		if err != nil {
			return nil, err
		}
		mended, err := e.mendLoaded()
		if err == nil && mended {
			return child, nil
		}
		if err := errors.Join(err, child.stop(e.cfg.StopTimeout)); err != nil {
			return nil, err
		}
	}
}

func (e *Engine) launchOnce(ctx context.Context) (*process, error) {
	began := time.Now()
	ready, cancel := context.WithTimeout(ctx, e.cfg.ReadyTimeout)
	defer cancel()
	child, err := spawn(e.layout.root, e.layout.spec(), e.lock)
	if err != nil {
		return nil, fmt.Errorf("engine: start: %w", err)
	}
	err = child.waitListening(ready)
	if err == nil {
		err = e.createDatabase(ready, child)
	}
	if err == nil {
		e.cfg.Logger.Info("engine: ready", "pid", child.cmd.Process.Pid, "endpoint", e.endpoint,
			"confined", e.spec.Confine, "took", time.Since(began).Round(time.Millisecond))
		return child, nil
	}
	child.kill()
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("%w (%v)", ErrReadyTimeout, e.cfg.ReadyTimeout)
	}
	return nil, e.startError(child, err, began)
}

// startError joins what we saw with what the engine said, and names the cause if its words give it away.
func (e *Engine) startError(child *process, err error, began time.Time) error {
	said := child.words.String()
	for _, name := range []string{"engine.err.log", "engine.log"} {
		if said == "" {
			said = wordsFromLog(filepath.Join(e.layout.log(), name), began)
		}
	}
	if cause := classify(said); cause != nil {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	return &ChildError{Err: err, Words: said}
}

// createDatabase is the first query of the working user: when it is answered, so will others be.
func (e *Engine) createDatabase(ctx context.Context, child *process) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-child.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	if _, err := e.query(ctx, "CREATE DATABASE IF NOT EXISTS "+e.endpoint.Database); err != nil {
		return fmt.Errorf("first query: %w", err)
	}
	return nil
}

// Restart delays double from the first to the last, each made up to half longer at random; a child that
// lived for backoffReset starts the row anew.
const (
	backoffFirst = 100 * time.Millisecond
	backoffLast  = 30 * time.Second
	backoffReset = time.Minute
)

func backoff(attempt int) time.Duration {
	d := backoffLast
	if attempt < 9 {
		d = min(d, backoffFirst<<attempt)
	}
	return d + rand.N(d/2)
}

// supervise replaces the child whenever it ends, until Stop.
func (e *Engine) supervise(child *process) {
	attempt, up := 0, time.Now()
	for {
		select {
		case <-e.stopping:
			e.finish(child)
			return
		case <-child.done:
		}
		if time.Since(up) > backoffReset {
			attempt = 0
		}
		e.crashed(child)
		for child = nil; child == nil; attempt++ {
			child = e.relaunch(attempt)
			if child == nil && e.stopRequested() {
				e.finish(nil)
				return
			}
		}
		up = time.Now()
	}
}

// relaunch waits out the backoff and tries once; nil if that failed or Stop was called.
func (e *Engine) relaunch(attempt int) *process {
	wait := backoff(attempt)
	e.cfg.Logger.Info("engine: restarting", "in", wait.Round(time.Millisecond), "attempt", attempt+1)
	select {
	case <-e.stopping:
		return nil
	case <-time.After(wait):
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-e.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	child, err := e.launch(ctx)
	if err != nil {
		if !e.stopRequested() {
			e.cfg.Logger.Error("engine: restart failed", "error", err)
			e.setState(Restarting, 0, err)
		}
		return nil
	}
	e.mu.Lock()
	e.restarts++
	e.mu.Unlock()
	e.setState(Ready, child.cmd.Process.Pid, nil)
	return child
}

func (e *Engine) crashed(child *process) {
	err := &ChildError{Err: child.ended(), Words: child.words.String()}
	child.control.Close()
	e.cfg.Logger.Error("engine: crashed", "error", err.Err, "engine_said", err.Words)
	e.setState(Restarting, 0, err)
}

// finish stops the child, if there is one, and gives everything back.
func (e *Engine) finish(child *process) {
	pid := 0
	if child != nil {
		pid = child.cmd.Process.Pid
	}
	e.setState(Stopping, pid, nil)
	began := time.Now()
	if child != nil {
		e.stopErr = child.stop(e.cfg.StopTimeout)
	}
	e.release()
	e.setState(Stopped, 0, e.stopErr)
	e.cfg.Logger.Info("engine: stopped", "took", time.Since(began).Round(time.Millisecond))
	close(e.done)
}

func (e *Engine) release() {
	for _, r := range e.ports {
		r.release()
	}
	if e.lock != nil {
		e.lock.Close()
	}
}

func (e *Engine) stopRequested() bool {
	select {
	case <-e.stopping:
		return true
	default:
		return false
	}
}

// Stop lets the engine flush and end. Close client pools first: open connections delay the stop by five seconds
// and skip the flush of the engine's logs. After Config.StopTimeout the child is killed, which loses no
// acknowledged insert, and the error wraps ErrStopForced. Stop may be called again; ctx bounds only the wait.
func (e *Engine) Stop(ctx context.Context) error {
	e.stopOnce.Do(func() { close(e.stopping) })
	select {
	case <-e.done:
		return e.stopErr
	case <-ctx.Done():
		return fmt.Errorf("engine: stop: %w", ctx.Err())
	}
}

// Done is closed when the engine has ended for good, which only Stop brings about.
func (e *Engine) Done() <-chan struct{} { return e.done }

// Endpoint says how to reach the engine.
func (e *Engine) Endpoint() Endpoint { return e.endpoint }

// DataDir is the absolute path of Config.DataDir.
func (e *Engine) DataDir() string { return e.cfg.DataDir }

// State is where the engine is now.
func (e *Engine) State() State {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

// PID is the process ID of the child that is ready, 0 if there is none.
func (e *Engine) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pid
}

// Restarts counts the times the engine came back after a crash.
func (e *Engine) Restarts() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.restarts
}

// Err is why the engine is not ready: the crash or the failed restart; nil in any other state.
func (e *Engine) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lastErr
}

func (e *Engine) setState(s State, pid int, err error) {
	e.notify.Lock()
	defer e.notify.Unlock()
	e.mu.Lock()
	e.state, e.pid, e.lastErr = s, pid, err
	e.mu.Unlock()
	if e.cfg.OnState != nil {
		e.cfg.OnState(s)
	}
}
