package segment

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// gather collects small writes into large ones.
type gather struct {
	file File
	off  int64
	buf  []byte
	err  error
}

const gatherSize = 256 << 10

func (g *gather) add(p []byte) {
	if len(p) >= gatherSize {
		g.flush()
		g.write(p)
		return
	}
	g.buf = append(g.buf, p...)
	if len(g.buf) >= gatherSize {
		g.flush()
	}
}

// Write is add for an io.Writer.
func (g *gather) Write(p []byte) (int, error) {
	g.add(p)
	return len(p), g.err
}

func (g *gather) flush() {
	g.write(g.buf)
	g.buf = g.buf[:0]
}

func (g *gather) write(p []byte) {
	if g.err != nil || len(p) == 0 {
		return
	}
	n, err := g.file.WriteAt(p, g.off)
	if err == nil && n < len(p) {
		err = fmt.Errorf("short write: %d of %d bytes", n, len(p))
	}
	g.off += int64(n)
	g.err = err
}

// WriteFile makes a file and what content writes to it durable, in place of an
// earlier one of the same name. One that was not written whole is removed.
func WriteFile(fsys FS, name string, content func(io.Writer) error) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	g := &gather{file: f}
	err = content(g)
	g.flush()
	if err == nil {
		err = g.err
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		fsys.Remove(name)
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}
