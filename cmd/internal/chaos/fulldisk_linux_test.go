package chaos

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// mountVariable tells a copy of this test that it may mount: it is alone in a
// mount namespace.
const mountVariable = "TREFOIL_TEST_MOUNT"

// A disk that is full, under the log and the engine alike, makes senders wait
// or try again; when there is room again all of it goes on, and nothing is lost
// or there twice.
func TestFullDisk(t *testing.T) {
	if os.Getenv(mountVariable) == "" {
		inNamespace(t)
		return
	}
	s := newServer(t)
	if err := syscall.Mount("tmpfs", s.dataDir, "tmpfs", 0, "size=768m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // before the directory is removed
		s.kill(true, true)
		syscall.Unmount(s.dataDir, syscall.MNT_DETACH)
	})
	s.start()
	s.waitReady()
	l := startLoad(t, s, loadConfig{workers: 2, batch: 20, pause: 20 * time.Millisecond, filler: 200})
	time.Sleep(2 * time.Second)

	ballast := filepath.Join(s.dataDir, "ballast")
	fill(t, ballast)
	full := time.Now()
	if err := poll(time.Minute, func() error {
		fill(t, ballast) // what the engine gives back goes as well
		if min(l.answers.of(grpcRefusal), l.answers.of(httpRefusal), l.answers.of(writeRefusal), l.answers.of(pushRefusal)) < 4 {
			return fmt.Errorf("answers: %v", l.answers)
		}
		return nil
	}); err != nil {
		t.Errorf("a full disk is not told to all senders: %v", err)
	}
	time.Sleep(time.Until(full.Add(*freeze)))
	fmt.Fprintf(t.Output(), "disk full       acked %d  log %s  answers: %v\n", l.ledger.totalAcked(), s.logSize(), l.answers)
	if !s.running() {
		t.Fatalf("trefoil ended by itself: %v", s.err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	before := l.acks()
	if err := poll(2*time.Minute, func() error {
		if sig, d, ok := still(before, l.acks()); ok {
			return fmt.Errorf("%v over %v: nothing acknowledged", sig, d)
		}
		return nil
	}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	l.end()
	s.drain()
	s.stop()
	s.start() // what the engine could not write shows when it loads its tables, and is in the log still
	s.waitReady()
	s.drain()
	s.stop()
	account := l.ledger.compare(count(t, s))
	fmt.Fprintf(t.Output(), "\ndisk filled and freed, trefoil's memory at most %d MiB\n", s.peak>>20)
	judge(t, l, account)
}

// fill writes to path until the disk has no room.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
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

// inNamespace runs this test again where mounting needs no privilege of the
// whole machine.
func inNamespace(t *testing.T) {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	again := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-trefoil="+path, fmt.Sprintf("-freeze=%v", *freeze))
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
	t.Output().Write(out)
	if err != nil {
		t.Error(err)
	}
}
