package walinspect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

// State is what a file of the log is.
type State string

// The states of a file.
const (
	StateOpen        State = "open"        // no seal: being written, or left by a crash
	StateSealed      State = "sealed"      // waits to be stored
	StateStored      State = "stored"      // all tables are done
	StateQuarantined State = "quarantined" // set aside
	StateRequeued    State = "requeued"    // waits to be taken in again
	StateDamaged     State = "damaged"     // not readable, or bytes cut out of a segment
)

// Info describes a file of the log.
type Info struct {
	Path    string
	State   State
	ID      segment.ID
	Created time.Time
	Size    int64
	Appends int
	Tables  []TableInfo
	Reason  string // in quarantine
	Err     error  // when it cannot be read
}

// TableInfo is what a segment has of a table.
type TableInfo struct {
	Table string
	Rows  int
	Bytes int64
	Done  bool
}

// List describes the files of the log in dir: its segments oldest first, then
// requeue, then quarantine.
func List(fsys segment.FS, dir string) ([]Info, error) {
	var all []Info
	for _, sub := range []string{"", segment.RequeueDir, segment.QuarantineDir} {
		files, err := fsys.List(filepath.Join(dir, sub))
		if sub != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("wal: list: %w", err)
		}
		slices.SortFunc(files, func(a, b segment.FileInfo) int { return strings.Compare(a.Name, b.Name) })
		for _, f := range files {
			path := filepath.Join(dir, sub, f.Name)
			switch filepath.Ext(f.Name) {
			case segment.Suffix:
				info, err := Describe(fsys, path)
				if errors.Is(err, fs.ErrNotExist) {
					continue // stored and removed meanwhile
				}
				if err != nil {
					info = Info{Path: path, State: StateDamaged, Size: f.Size, Err: err}
				}
				all = append(all, info)
			case segment.CorruptSuffix:
				all = append(all, Info{Path: path, State: StateDamaged, Size: f.Size, Reason: reasonOf(fsys, path)})
			}
		}
	}
	return all, nil
}

// Describe reads what a segment says about itself. Without a seal it scans
// the frames.
func Describe(fsys segment.FS, path string) (Info, error) {
	info := Info{Path: path}
	f, size, err := open(fsys, path)
	if err != nil {
		return info, err
	}
	defer f.Close()
	info.Size = size
	c, ok, err := segment.Tail(f, info.Size)
	if err == nil && !ok {
		c, err = segment.Read(f, info.Size)
	}
	if err != nil {
		return info, err
	}
	info.ID, info.Created, info.Appends, info.State = c.Header.ID, time.Unix(0, c.Header.Created), c.Frames, StateSealed
	if !c.Sealed() {
		info.State = StateOpen
	}
	info.describeTables(c)
	switch filepath.Base(filepath.Dir(path)) {
	case segment.QuarantineDir:
		info.State, info.Reason = StateQuarantined, reasonOf(fsys, path)
	case segment.RequeueDir:
		info.State = StateRequeued
	}
	return info, nil
}

func (i *Info) describeTables(c *segment.Contents) {
	left := false
	for _, t := range c.Tables {
		done := slices.ContainsFunc(c.Done, func(m segment.Mark) bool { return m.Table == t.Name })
		i.Tables = append(i.Tables, TableInfo{Table: t.Name, Rows: t.Rows, Bytes: t.Bytes, Done: done})
		left = left || !done
	}
	if i.State == StateSealed && !left {
		i.State = StateStored
	}
}

func reasonOf(fsys segment.FS, path string) string {
	f, err := fsys.Open(segment.ReasonName(path), false)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.NewSectionReader(f, 0, maxReason))
	return strings.TrimSpace(string(b))
}

// maxReason bounds what is read of a reason, in bytes.
const maxReason = 64 << 10

// Report is the outcome of Verify.
type Report struct {
	Info
	Damage []segment.CorruptError // holes before the end
	Torn   int64                  // bytes behind the last good frame
}

// Sound says whether the segment is as it should be. The torn tail of a
// segment without a seal is what a crash leaves, or an append under way.
func (r *Report) Sound() bool {
	return len(r.Damage) == 0 && (r.Torn == 0 || r.State == StateOpen)
}

// Verify reads a whole segment and checks every byte of it.
func Verify(fsys segment.FS, path string) (Report, error) {
	info, err := Describe(fsys, path)
	r := Report{Info: info}
	if err != nil {
		return r, fmt.Errorf("wal: verify: %w", err)
	}
	c, err := contents(fsys, path)
	if err != nil {
		return r, fmt.Errorf("wal: verify: %w", err)
	}
	for _, h := range c.Holes {
		r.Damage = append(r.Damage, segment.CorruptError{Path: path, From: h.From, To: h.To, Why: h.Why})
	}
	if n := c.Missing(); n > 0 && len(c.Holes) == 0 {
		r.Damage = append(r.Damage, segment.CorruptError{Path: path, To: c.End, Why: fmt.Sprintf("%d appends are missing", n)})
	}
	r.Torn = c.Size - c.End
	if c.Size > 0 && c.Header.ID == (segment.ID{}) {
		r.Damage = append(r.Damage, segment.CorruptError{Path: path, To: c.Size, Why: "neither a header nor a frame"})
		r.Torn = 0
	}
	return r, nil
}

func contents(fsys segment.FS, path string) (*segment.Contents, error) {
	f, size, err := open(fsys, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return segment.Read(f, size)
}

func open(fsys segment.FS, path string) (f segment.File, size int64, err error) {
	if f, err = fsys.Open(path, false); err != nil {
		return nil, 0, err
	}
	if size, err = f.Size(); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, size, nil
}

// Dump calls each with the frames of a segment, in order, until it returns an
// error.
func Dump(fsys segment.FS, path string, each func(segment.FrameInfo) error) error {
	f, size, err := open(fsys, path)
	if err != nil {
		return fmt.Errorf("wal: dump: %w", err)
	}
	defer f.Close()
	if err := segment.Frames(f, size, each); err != nil {
		return fmt.Errorf("wal: dump: %w", err)
	}
	return nil
}

// Extract writes a table's payload to w: the body of an insert with
// decompress=1 and FORMAT Native.
func Extract(fsys segment.FS, path, table string, w io.Writer) error {
	f, size, err := open(fsys, path)
	if err != nil {
		return fmt.Errorf("wal: extract: %w", err)
	}
	defer f.Close()
	c, err := segment.Read(f, size)
	if err != nil {
		return fmt.Errorf("wal: extract: %w", err)
	}
	for _, t := range c.Tables {
		if t.Name == table {
			if _, err := io.Copy(w, segment.NewReader(f, t.Extents)); err != nil {
				return fmt.Errorf("wal: extract: %w", err)
			}
			return nil
		}
	}
	return fmt.Errorf("wal: extract: %s has no rows of table %q", path, table)
}

// Requeue moves a segment from quarantine to where the log takes it in: at
// once when a process has the log open, otherwise at its next start. name is
// the file's, without the directory.
func Requeue(fsys segment.FS, dir, name string) error {
	if filepath.Base(name) != name || filepath.Ext(name) != segment.Suffix {
		return fmt.Errorf("wal: requeue: %q is not the name of a segment in quarantine", name)
	}
	from := filepath.Join(dir, segment.QuarantineDir, name)
	r, err := Verify(fsys, from)
	if err != nil {
		return err
	}
	if r.Appends == 0 {
		return fmt.Errorf("wal: requeue: %s has nothing in it that can be stored", from)
	}
	to := filepath.Join(dir, segment.RequeueDir)
	if err := fsys.MkdirAll(to); err != nil {
		return fmt.Errorf("wal: requeue: %w", err)
	}
	if err := fsys.Rename(from, filepath.Join(to, name)); err != nil {
		return fmt.Errorf("wal: requeue: %w", err)
	}
	err = errors.Join(fsys.SyncDir(to), fsys.SyncDir(filepath.Dir(from)))
	if rerr := fsys.Remove(segment.ReasonName(from)); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	if err != nil {
		return fmt.Errorf("wal: requeue: %w", err)
	}
	return nil
}
