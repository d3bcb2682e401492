package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// landlockABI returns the version of Landlock the kernel speaks, 0 for none.
func landlockABI() int {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(abi)
}

// sandbox is what the engine may touch. The SQL function file('/path') needs no grant in this mode of the
// engine, so this list, not a privilege, is what stands between a query and /etc/shadow.
type sandbox struct {
	execute   []string // files and directories it may read, map and execute; the re-execution needs it
	readOnly  []string
	readWrite []string
	bindTCP   []int // the only ports it may listen on, where the kernel can tell
}

const (
	landlockFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	landlockRead = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landlockABI1 = 1<<13 - 1 // every file system right of the first version
	landlockPort = 2         // LANDLOCK_RULE_NET_PORT
)

// enter confines the calling thread and everything it executes. Threads that exist already stay free, so the caller
// re-executes the program at once. ABI 5's right to ioctl devices is left out: the pty needs it.
func (s sandbox) enter() error {
	abi := landlockABI()
	if abi == 0 {
		return errors.New("landlock: kernel has none")
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: landlockABI1}
	size := unsafe.Sizeof(attr.Handled_access_fs)
	if abi >= 2 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP
		size = 16
	}
	if abi >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
		size = 24
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return fmt.Errorf("landlock: ruleset: %w", errno)
	}
	ruleset := int(fd)
	defer unix.Close(ruleset)
	for _, path := range s.execute {
		if err := allowPath(ruleset, path, landlockRead|unix.LANDLOCK_ACCESS_FS_EXECUTE); err != nil {
			return err
		}
	}
	for _, path := range s.readOnly {
		if err := allowPath(ruleset, path, landlockRead); err != nil {
			return err
		}
	}
	for _, path := range s.readWrite {
		if err := allowPath(ruleset, path, attr.Handled_access_fs&^unix.LANDLOCK_ACCESS_FS_EXECUTE); err != nil {
			return err
		}
	}
	if attr.Handled_access_net != 0 {
		for _, port := range s.bindTCP {
			if err := allowPort(ruleset, port); err != nil {
				return err
			}
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("landlock: no_new_privs: %w", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("landlock: restrict: %w", errno)
	}
	return nil
}

func allowPath(ruleset int, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing to allow
	}
	if err != nil {
		return fmt.Errorf("landlock: %s: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("landlock: %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= landlockFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	return addRule(ruleset, unix.LANDLOCK_RULE_PATH_BENEATH, unsafe.Pointer(&rule), path)
}

func allowPort(ruleset, port int) error {
	rule := struct{ access, port uint64 }{unix.LANDLOCK_ACCESS_NET_BIND_TCP, uint64(port)}
	return addRule(ruleset, landlockPort, unsafe.Pointer(&rule), fmt.Sprintf("port %d", port))
}

func addRule(ruleset int, kind uintptr, rule unsafe.Pointer, what string) error {
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), kind, uintptr(rule), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("landlock: %s: %w", what, errno)
	}
	return nil
}

// childSandbox is the sandbox of an engine started by spec.
func childSandbox(spec childSpec) sandbox {
	l := layout{spec.Dir}
	return sandbox{
		execute: []string{"/proc/self/exe", "/lib", "/lib64", "/usr/lib", "/usr/lib64"}, // ours, and its dynamic linker
		readOnly: []string{
			spec.Library, l.conf(), "/etc/ld.so.cache",
			"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/localtime", "/usr/share/zoneinfo",
			"/etc/ssl", "/etc/pki/tls", "/usr/share/ca-certificates", // object storage over TLS
			fmt.Sprintf("/proc/%d", os.Getpid()), "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/uptime", "/proc/sys",
			"/sys/kernel/mm/transparent_hugepage", // without it jemalloc believes that there are none
			"/sys/fs/cgroup", "/sys/devices/system", "/sys/block", "/dev/urandom", "/dev/random", "/dev/zero",
		},
		readWrite: []string{l.data(), l.run(), l.log(), l.backups(), "/dev/null", "/dev/ptmx", "/dev/pts"},
		bindTCP:   []int{spec.TCPPort, spec.HTTPPort},
	}
}
