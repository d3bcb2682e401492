package engine

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// childRun confines this process, or serves if that is done.
func childRun(spec childSpec, args []string) error {
	runtime.LockOSThread()
	if os.Getenv(stageVariable) == stageConfined {
		return serve(spec)
	}
	if spec.Confine {
		if err := childSandbox(spec).enter(); err != nil {
			return err
		}
	}
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, spec.Niceness) // of this thread and all it starts; anybody may be nice
	env := append(childEnv(spec.Dir), stageVariable+"="+stageConfined)
	return fmt.Errorf("exec: %w", syscall.Exec("/proc/self/exe", append([]string{os.Args[0], ChildCommand}, args...), env))
}

// childEnv is the whole environment of the engine: nothing of ours is inherited.
func childEnv(dir string) []string {
	run := layout{dir}.run()
	return []string{"JE_MALLOC_CONF=" + allocator, "HOME=" + run, "TMPDIR=" + run, "TZ=UTC", "LC_ALL=C.UTF-8", "PATH=", "GOTRACEBACK=none"}
}

// allocator is what the library's jemalloc is told. By default memory that was freed goes back to the system within
// five seconds, and the next insert faults all of it in again, which was half of what an insert cost. It is kept
// instead; the engine gives back what exceeds a fifth of its memory limit. And it comes in huge pages where the system
// has them for those who ask: 190,000 faults of small pages were a fifth of what two million log records cost.
const allocator = "dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always"

// serve loads the library and blocks until the engine has ended.
func serve(spec childSpec) error {
	// The parent alone decides when to stop: a signal to the whole group (terminal, systemd) must not take the
	// engine away from a parent that still drains into it.
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	limitResources()

	lib, err := openLibrary(spec.Library)
	if err != nil {
		return err
	}
	restore := lib.snapshotSignals()
	lib.setSignals(0) // a crash is a plain, immediate crash
	restore()

	prompt, err := attachTerminal()
	if err != nil {
		return err
	}
	go stopWhenTold(prompt)
	go announce(spec.HTTPPort, func() {
		restore() // the engine took some of Go's handlers while it started
		lib.onAltStack(34)
	})
	// The prompt saves its history with mode 0600 whatever the file is, so /dev/null must not be it.
	l := layout{spec.Dir}
	return lib.run("--config-file="+l.serverXML(), "--interactive", "--progress=off", "--disable_suggestion",
		"--history_file="+filepath.Join(l.run(), "history"), "--query", "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP")
}

// attachTerminal puts a terminal on standard input and returns its other end. With a terminal and --interactive the
// engine does not install the error handler that ends the process when any client connection throws (ClickHouse issue
// 115666). The prompt it prints is thrown away.
func attachTerminal() (*os.File, error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("pty: %w", err)
	}
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return nil, fmt.Errorf("pty: unlock: %w", err)
	}
	number, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		return nil, fmt.Errorf("pty: number: %w", err)
	}
	slave, err := unix.Open(fmt.Sprintf("/dev/pts/%d", number), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("pty: %w", err)
	}
	null, err := unix.Open("/dev/null", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	for target, source := range []int{slave, null} {
		if err := unix.Dup3(source, target, 0); err != nil {
			return nil, fmt.Errorf("pty: dup: %w", err)
		}
	}
	prompt := os.NewFile(uintptr(master), "ptmx")
	go io.Copy(io.Discard, prompt)
	return prompt, nil
}

// limitResources forbids core files (gigabytes, and full of users' data) and allows as many open files as may be.
func limitResources() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	var files unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) == nil {
		files.Cur = files.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &files)
	}
}

// stopWhenTold leaves the prompt when the parent closes its end or dies: the engine closes its listeners, flushes
// and returns. What is typed before the prompt is there gets lost, so it is said again. Should the engine hang, this
// process ends all the same, so that no orphan keeps the data directory.
func stopWhenTold(prompt *os.File) {
	control := os.NewFile(controlFD, "control")
	control.Read(make([]byte, 1))
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		prompt.WriteString("\nexit\n")
	}
	fmt.Fprintln(os.Stderr, "the engine did not leave its prompt in 30 s")
	os.Exit(3)
}

// announce waits for the HTTP listener, the last to open, and tells the parent. Nothing else can listen on that port:
// the parent holds it. A file written by the engine would be a sign too, but not on a full disk.
func announce(port int, up func()) {
	ready := os.NewFile(readyFD, "ready")
	defer ready.Close()
	addr := net.JoinHostPort(loopback, strconv.Itoa(port))
	for {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
			up()
			ready.WriteString("up\n")
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
