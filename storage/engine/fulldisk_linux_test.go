package engine_test

import (
	"errors"
	"os"
	osexec "os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/trefoil-o11y/trefoil/storage/engine"
)

// mountVariable tells a copy of this test that it may mount: it is alone in a mount namespace.
const mountVariable = "TREFOIL_TEST_MOUNT"

// On a disk that is really full the engine refuses inserts, survives, comes back after a crash and still answers
// reads; only a fresh start is refused.
func TestFullDisk(t *testing.T) {
	if os.Getenv(mountVariable) == "" {
		inNamespace(t)
		return
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=96m"); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(disk, syscall.MNT_DETACH)
	cfg := testConfig(filepath.Join(disk, "engine"))
	startError(t, cfg, engine.ErrDiskFull) // 96 MiB are too few
	cfg.MinFreeDisk = 1 << 20
	e := start(t, cfg)
	conn := worker(t, e.Endpoint())
	exec(t, conn, table, "INSERT INTO t VALUES (1)")

	fill(t, filepath.Join(disk, "fill"))
	const codeNotEnoughSpace = 243
	wantCode(t, conn, "INSERT INTO t SELECT rand64() FROM numbers(100000)", codeNotEnoughSpace)
	wantCount(t, conn, "t", 1)
	kill(t, e.PID())
	waitFor(t, "the restart", func() bool { return e.Restarts() == 1 && e.State() == engine.Ready })
	waitFor(t, "the pool", func() bool { _, err := count(conn, "t"); return err == nil })
	wantCount(t, conn, "t", 1)
	conn.Close()
	stop(t, e)

	fill(t, filepath.Join(disk, "again")) // what the engine gave back as it stopped
	startError(t, cfg, engine.ErrDiskFull)
	cfg.MinFreeDisk = -1
	startError(t, cfg, engine.ErrDiskFull) // unchecked: the configuration cannot be written
}

func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// inNamespace runs this test again where mounting needs no privilege of the whole machine.
func inNamespace(t *testing.T) {
	t.Helper()
	again := osexec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), mountVariable+"=1")
	again.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		again.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := again.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("no mount namespace for this user: %v", err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
