package segment

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FS is the file system under the log: the operating system's, or one that
// fails on purpose. Names are whole paths. Errors wrap fs.ErrNotExist,
// fs.ErrExist and the system's error numbers (ENOSPC, EDQUOT).
type FS interface {
	// Open opens an existing file for reading, or for writing too.
	Open(name string, write bool) (File, error)
	// Create makes a new file; one that is there already is an error.
	Create(name string) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	// List is the names and sizes of the regular files in dir.
	List(dir string) ([]FileInfo, error)
	MkdirAll(dir string) error
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
	// Lock takes dir for this process until the Closer is closed.
	Lock(dir string) (io.Closer, error)
}

// FileInfo is one row of FS.List.
type FileInfo struct {
	Name string // without the directory
	Size int64
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync returns nil when everything written is on disk.
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
	// Allocate sets room aside for a write to come, without changing the
	// size. It is a hint.
	Allocate(offset, size int64) error
}

// OS is the operating system's file system.
func OS() FS { return osFS{} }

type osFS struct{}

func (osFS) Open(name string, write bool) (File, error) {
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	f, err := os.OpenFile(name, flag, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Rename(from, to string) error { return os.Rename(from, to) }
func (osFS) Remove(name string) error     { return os.Remove(name) }
func (osFS) MkdirAll(dir string) error    { return os.MkdirAll(dir, 0o700) }

func (osFS) List(dir string) ([]FileInfo, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			files = append(files, FileInfo{Name: e.Name(), Size: info.Size()})
		}
	}
	return files, nil
}

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (osFS) Lock(dir string) (io.Closer, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another process: %w", dir, err)
	}
	return f, nil
}

type osFile struct{ *os.File }

func (f osFile) Sync() error                       { return syncData(f.File) }
func (f osFile) Allocate(offset, size int64) error { return allocate(f.File, offset, size) }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
