package segment

import (
	"errors"
	"os"
	"syscall"
)

const fallocKeepSize = 1 // FALLOC_FL_KEEP_SIZE

// syncData leaves out what reading the data back does not need, such as times.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func allocate(f *os.File, offset, size int64) error {
	return syscall.Fallocate(int(f.Fd()), fallocKeepSize, offset, size)
}

func lockFile(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
