package wal

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

// faultFS is a file system in memory that fails on purpose. It tells apart
// what a process sees from what is on disk: crash drops what was not synced,
// sector by sector and by chance.
type faultFS struct {
	mu      sync.Mutex
	rnd     *rand.Rand
	names   map[string]*inode // as seen
	durable map[string]*inode // as on disk
	pending []nameOp          // of names, not synced, in order
	locked  map[string]bool
	ops     int // so far
	dieAt   int // every operation from this one on fails; 0: never
	writes  int
	syncs   int
	// fault may let an operation fail: with n >= 0 a write is done up to n
	// bytes. Operations are create, open, write, sync, truncate, rename,
	// remove, list, syncdir, allocate, read.
	fault func(op, name string) error
	space int64 // bytes all files may have; 0: no bound
}

var errNoSpace error = syscall.ENOSPC

var errDead = errors.New("the process is dead")

type inode struct {
	data    []byte
	disk    []byte
	pending []fileOp
}

type fileOp struct {
	truncate bool
	off      int64
	data     []byte
}

type nameOp struct {
	name string
	file *inode // nil: removed
	also *nameOp
}

const sector = 64 // small, so that small frames tear

func newFaultFS(seed uint64) *faultFS {
	return &faultFS{
		rnd:   rand.New(rand.NewPCG(seed, 1)),
		names: map[string]*inode{}, durable: map[string]*inode{}, locked: map[string]bool{},
	}
}

// step counts an operation and lets it fail. The caller holds mu.
func (m *faultFS) step(op, name string) error {
	m.ops++
	if m.dieAt > 0 && m.ops >= m.dieAt {
		return errDead
	}
	if m.fault != nil {
		return m.fault(op, name)
	}
	return nil
}

// crash ends the process, and with power the machine: then only what was
// synced, and by chance some of the rest, is there afterwards.
func (m *faultFS) crash(power bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dieAt, m.locked = 0, map[string]bool{}
	if !power {
		return
	}
	for _, op := range m.pending[:m.rnd.IntN(len(m.pending)+1)] {
		op.apply(m.durable)
	}
	m.pending = nil
	m.names = map[string]*inode{}
	seen := map[*inode]bool{}
	for name, f := range m.durable {
		m.names[name] = f
		if !seen[f] {
			seen[f] = true
			f.lose(m.rnd)
		}
	}
}

func (o *nameOp) apply(to map[string]*inode) {
	if o.file == nil {
		delete(to, o.name)
	} else {
		to[o.name] = o.file
	}
	if o.also != nil {
		o.also.apply(to)
	}
}

// lose settles what of the pending writes is on disk.
func (f *inode) lose(rnd *rand.Rand) {
	survive := rnd.Float64()
	for _, op := range f.pending {
		if op.truncate {
			if rnd.Float64() < survive {
				f.disk = resize(f.disk, op.off)
			}
			continue
		}
		for i := 0; i < len(op.data); {
			n := min(sector-int(op.off+int64(i))%sector, len(op.data)-i)
			if rnd.Float64() < survive {
				f.disk = put(f.disk, op.off+int64(i), op.data[i:i+n])
			}
			i += n
		}
	}
	f.pending, f.data = nil, append([]byte(nil), f.disk...)
}

func resize(b []byte, n int64) []byte {
	if int64(len(b)) >= n {
		return b[:n:n]
	}
	return append(b, make([]byte, n-int64(len(b)))...)
}

func put(b []byte, off int64, p []byte) []byte {
	if end := off + int64(len(p)); int64(len(b)) < end {
		b = resize(b, end)
	}
	copy(b[off:], p)
	return b
}

func (m *faultFS) Open(name string, write bool) (segment.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("open", name); err != nil {
		return nil, err
	}
	f := m.names[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &faultFile{m, f, name}, nil
}

func (m *faultFS) Create(name string) (segment.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("create", name); err != nil {
		return nil, err
	}
	if m.names[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	f := &inode{}
	m.change(nameOp{name: name, file: f})
	return &faultFile{m, f, name}, nil
}

func (m *faultFS) change(op nameOp) {
	op.apply(m.names)
	m.pending = append(m.pending, op)
}

func (m *faultFS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("rename", from); err != nil {
		return err
	}
	f := m.names[from]
	if f == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	m.change(nameOp{name: from, also: &nameOp{name: to, file: f}})
	return nil
}

func (m *faultFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("remove", name); err != nil {
		return err
	}
	if m.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	m.change(nameOp{name: name})
	return nil
}

func (m *faultFS) List(dir string) (files []segment.FileInfo, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("list", dir); err != nil {
		return nil, err
	}
	for name, f := range m.names {
		if filepath.Dir(name) == filepath.Clean(dir) {
			files = append(files, segment.FileInfo{Name: filepath.Base(name), Size: int64(len(f.data))})
		}
	}
	return files, nil
}

func (m *faultFS) MkdirAll(string) error { return nil }

// SyncDir settles all names: like a journal, which is written in order.
func (m *faultFS) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step("syncdir", dir); err != nil {
		return err
	}
	for _, op := range m.pending {
		op.apply(m.durable)
	}
	m.pending = nil
	return nil
}

func (m *faultFS) Lock(dir string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked[dir] {
		return nil, errors.New("locked")
	}
	m.locked[dir] = true
	return closerFunc(func() { m.mu.Lock(); m.locked[dir] = false; m.mu.Unlock() }), nil
}

type closerFunc func()

func (c closerFunc) Close() error { c(); return nil }

// used is the room all files take.
func (m *faultFS) used() (n int64) {
	for _, f := range m.names {
		n += int64(len(f.data))
	}
	return n
}

type faultFile struct {
	fs   *faultFS
	node *inode
	name string
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step("read", f.name); err != nil {
		return 0, err
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// shortWrite lets a write stop after some bytes.
type shortWrite struct {
	n   int
	err error
}

func (e *shortWrite) Error() string { return "short write" }
func (e *shortWrite) Unwrap() error { return e.err }

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.fs.writes++
	err := f.fs.step("write", f.name)
	if short := (*shortWrite)(nil); errors.As(err, &short) {
		p, err = p[:min(short.n, len(p))], short.err
	} else if err != nil {
		p = p[:f.fs.rnd.IntN(len(p)+1)] // the write under way
	}
	if room := f.fs.space - f.fs.used(); f.fs.space > 0 && off+int64(len(p))-int64(len(f.node.data)) > room {
		p, err = p[:min(int64(len(p)), max(0, room+int64(len(f.node.data))-off))], errNoSpace
	}
	f.node.data = put(f.node.data, off, p)
	f.node.pending = append(f.node.pending, fileOp{off: off, data: append([]byte(nil), p...)})
	return len(p), err
}

// Sync that fails leaves some of the writes on disk and forgets about the
// rest: the next Sync does not bring them there.
func (f *faultFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.fs.syncs++
	if err := f.fs.step("sync", f.name); err != nil {
		if !errors.Is(err, errDead) {
			seen := f.node.data
			f.node.lose(f.fs.rnd)
			f.node.data = seen
		}
		return err
	}
	for _, op := range f.node.pending {
		if op.truncate {
			f.node.disk = resize(f.node.disk, op.off)
		} else {
			f.node.disk = put(f.node.disk, op.off, op.data)
		}
	}
	f.node.pending = nil
	return nil
}

func (f *faultFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step("truncate", f.name); err != nil {
		return err
	}
	f.node.data = resize(f.node.data, size)
	f.node.pending = append(f.node.pending, fileOp{truncate: true, off: size})
	return nil
}

func (f *faultFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.node.data)), nil
}

func (f *faultFile) Allocate(int64, int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.fs.step("allocate", f.name)
}

func (f *faultFile) Close() error { return nil }
