package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// syncFilesystem writes out all that the file system of dir holds.
func syncFilesystem(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}

// killChild ends a child that is to be replaced. No ID means that there is none.
func killChild(pid int) error {
	if pid == 0 {
		return nil
	}
	return unix.Kill(pid, unix.SIGKILL)
}

// machineMemory is the memory of this machine or of the control group we run in, whichever is less.
func machineMemory() int64 {
	total := int64(math.MaxInt64)
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		total = int64(info.Totalram) * int64(info.Unit)
	}
	for _, path := range cgroupLimits() {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if limit, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil { // else "max"
			total = min(total, limit)
		}
	}
	return total
}

// cgroupLimits lists the files that may limit our memory: our control group's and its parents', of either version.
func cgroupLimits() []string {
	raw, _ := os.ReadFile("/proc/self/cgroup")
	var files []string
	for line := range strings.Lines(string(raw)) { // hierarchy:controllers:path
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		root, name := "/sys/fs/cgroup", "memory.max"
		if fields[1] != "" {
			root, name = "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		if fields[1] != "" && fields[1] != "memory" {
			continue
		}
		for dir := filepath.Join("/", fields[2]); ; dir = filepath.Dir(dir) {
			files = append(files, filepath.Join(root, dir, name))
			if dir == "/" {
				break
			}
		}
	}
	return files
}

// freeDisk is the number of bytes an ordinary user may still write under path.
func freeDisk(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, fmt.Errorf("engine: %s: %w", path, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// orphanGrace is how long a start waits for the child of a dead parent to flush and let go of the directory.
const orphanGrace = 15 * time.Second

// lockDir takes the lock of a data directory. The lock belongs to the open file, which the child shares: it is free
// when both have ended. An owner whose parent has died is waited for; a live one is an error at once.
func lockDir(ctx context.Context, path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("engine: lock: %w", err)
	}
	if err := awaitLock(ctx, f); err != nil {
		f.Close()
		return nil, err
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, fmt.Errorf("engine: lock: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("engine: lock: %w", err)
	}
	return f, nil
}

func awaitLock(ctx context.Context, f *os.File) error {
	ctx, cancel := context.WithTimeout(ctx, orphanGrace)
	defer cancel()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("engine: lock: %s: %w", f.Name(), err)
		}
		owner := lockOwner(f.Name())
		if owner == 0 || alive(owner) || ctx.Err() != nil {
			return fmt.Errorf("engine: %w: %s is locked by process %d", ErrDataDirInUse, f.Name(), owner)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func lockOwner(path string) int {
	raw, _ := os.ReadFile(path)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
	return pid
}

func alive(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || errors.Is(err, unix.EPERM)
}

// reservation is a bound socket that never listens. The engine binds the same port beside it (SO_REUSEPORT needs the
// same user), so between a crash and the restart no stranger can take the port and collect our clients' passwords.
type reservation struct {
	fd   int
	port int
}

// reservePort binds port, or any free one for 0.
func reservePort(port int) (*reservation, error) {
	// First without SO_REUSEPORT, to find out whether someone listens there, be it another engine of this user.
	probe, err := bindPort(port, false)
	if err != nil {
		return nil, err
	}
	unix.Close(probe.fd)
	return bindPort(probe.port, true)
}

func bindPort(port int, reuse bool) (*reservation, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("engine: socket: %w", err)
	}
	r := &reservation{fd: fd}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) // connections in TIME_WAIT do not count
	if err == nil && reuse {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
	}
	if err == nil { // from now on a listener needs our consent, which only SO_REUSEPORT gives
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0)
	}
	var name unix.Sockaddr
	if err == nil {
		name, err = unix.Getsockname(fd)
	}
	if err != nil {
		r.release()
		if errors.Is(err, unix.EADDRINUSE) {
			return nil, fmt.Errorf("engine: %w: %s:%d", ErrPortTaken, loopback, port)
		}
		return nil, fmt.Errorf("engine: port %d: %w", port, err)
	}
	r.port = name.(*unix.SockaddrInet4).Port
	return r, nil
}

func (r *reservation) release() { unix.Close(r.fd) }
