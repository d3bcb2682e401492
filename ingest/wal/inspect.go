package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// What follows reads a log's directory without taking it from the process that
// has it open, and changes nothing, Requeue aside.

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
	ID      ID
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
func List(fsys FS, dir string) ([]Info, error) {
	var all []Info
	for _, sub := range []string{"", requeueDir, quarantineDir} {
		files, err := fsys.List(filepath.Join(dir, sub))
		if sub != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("wal: list: %w", err)
		}
		slices.SortFunc(files, func(a, b FileInfo) int { return strings.Compare(a.Name, b.Name) })
		for _, f := range files {
			path := filepath.Join(dir, sub, f.Name)
			switch filepath.Ext(f.Name) {
			case segmentSuffix:
				info, err := Describe(fsys, path)
				if errors.Is(err, fs.ErrNotExist) {
					continue // stored and removed meanwhile
				}
				if err != nil {
					info = Info{Path: path, State: StateDamaged, Size: f.Size, Err: err}
				}
				all = append(all, info)
			case ".corrupt":
				all = append(all, Info{Path: path, State: StateDamaged, Size: f.Size, Reason: reasonOf(fsys, path)})
			}
		}
	}
	return all, nil
}

// Describe reads what a segment says about itself. Without a seal it scans
// the frames.
func Describe(fsys FS, path string) (Info, error) {
	info := Info{Path: path}
	f, err := fsys.Open(path, false)
	if err != nil {
		return info, err
	}
	defer f.Close()
	if info.Size, err = f.Size(); err != nil {
		return info, err
	}
	head, seal, done, ok, err := tail(f, info.Size)
	if err != nil {
		return info, err
	}
	info.ID, info.Created, info.State = head.id, time.Unix(0, head.created), StateSealed
	info.Appends = seal.count()
	tables := seal.parts
	if !ok {
		c, err := readContents(f, info.Size)
		if err != nil {
			return info, err
		}
		info.ID, info.Created, info.Appends = c.header.id, time.Unix(0, c.header.created), c.frames
		if c.seal == nil {
			info.State = StateOpen
		}
		tables, done = c.sealFrame(0).parts, c.done
	}
	info.describeTables(tables, done)
	switch filepath.Base(filepath.Dir(path)) {
	case quarantineDir:
		info.State, info.Reason = StateQuarantined, reasonOf(fsys, path)
	case requeueDir:
		info.State = StateRequeued
	}
	return info, nil
}

func (i *Info) describeTables(tables []part, marks []mark) {
	left := false
	for _, t := range tables {
		ti := TableInfo{Table: t.Table, Rows: int(t.Rows), Bytes: int64(t.Length), Done: slices.ContainsFunc(marks, func(m mark) bool { return m.table == t.Table })}
		i.Tables = append(i.Tables, ti)
		left = left || !ti.Done
	}
	if i.State == StateSealed && !left {
		i.State = StateStored
	}
}

func reasonOf(fsys FS, path string) string {
	b, err := readAll(fsys, reasonName(path))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// Report is the outcome of Verify.
type Report struct {
	Info
	Damage []CorruptError // holes before the end
	Torn   int64          // bytes behind the last good frame
}

// Sound says whether the segment is as it should be. The torn tail of a
// segment without a seal is what a crash leaves, or an append under way.
func (r *Report) Sound() bool {
	return len(r.Damage) == 0 && (r.Torn == 0 || r.State == StateOpen)
}

// Verify reads a whole segment and checks every byte of it.
func Verify(fsys FS, path string) (Report, error) {
	info, err := Describe(fsys, path)
	if err != nil {
		return Report{Info: info}, fmt.Errorf("wal: verify: %w", err)
	}
	r := Report{Info: info}
	f, err := fsys.Open(path, false)
	if err != nil {
		return r, fmt.Errorf("wal: verify: %w", err)
	}
	defer f.Close()
	c, err := readContents(f, info.Size)
	if err != nil {
		return r, fmt.Errorf("wal: verify: %w", err)
	}
	for _, h := range c.holes {
		r.Damage = append(r.Damage, CorruptError{Path: path, From: h.from, To: h.to, Why: h.why})
	}
	if n := c.missing(); n > 0 && len(c.holes) == 0 {
		r.Damage = append(r.Damage, CorruptError{Path: path, From: fileHeaderSize, To: c.end, Why: fmt.Sprintf("%d appends are missing", n)})
	}
	r.Torn = c.size - c.end
	if info.Size > 0 && c.header.id == (ID{}) {
		r.Damage = append(r.Damage, CorruptError{Path: path, To: c.size, Why: "neither a header nor a frame"})
		r.Torn = 0
	}
	return r, nil
}

// FrameInfo is a frame, or a hole, as Dump shows it.
type FrameInfo struct {
	Kind   string // data, void, keys, seal, done or hole
	Offset int64
	Size   int64
	Time   time.Time
	Key    Key
	More   int // requests that were appended together with that of Key
	Parts  []TableInfo
	Why    string // of a hole
}

// Dump calls each with the frames of a segment, in order, until it returns an
// error.
func Dump(fsys FS, path string, each func(FrameInfo) error) error {
	f, err := fsys.Open(path, false)
	if err != nil {
		return fmt.Errorf("wal: dump: %w", err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("wal: dump: %w", err)
	}
	s, err := newScanner(f, size, true)
	if err != nil {
		return fmt.Errorf("wal: dump: %w", err)
	}
	for {
		st, err := s.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("wal: dump: %w", err)
		}
		if err := each(frameInfo(&st)); err != nil {
			return err
		}
	}
}

func frameInfo(st *stretch) FrameInfo {
	i := FrameInfo{Kind: "hole", Offset: st.from, Size: st.to - st.from, Why: st.why}
	if st.hole {
		return i
	}
	f := &st.frame
	i.Kind, i.Time = f.kind.String(), time.Unix(0, f.time)
	if f.kind == kindData {
		i.Key = f.key
	}
	for _, p := range f.parts {
		if f.kind == kindData && p.Table == keysPart {
			i.More = int(p.Length) / len(Key{})
			continue
		}
		i.Parts = append(i.Parts, TableInfo{Table: p.Table, Rows: int(p.Rows), Bytes: int64(p.Length)})
	}
	return i
}

// Extract writes a table's payload to w: the body of an insert with
// decompress=1 and FORMAT Native.
func Extract(fsys FS, path, table string, w io.Writer) error {
	f, err := fsys.Open(path, false)
	if err != nil {
		return fmt.Errorf("wal: extract: %w", err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("wal: extract: %w", err)
	}
	c, err := readContents(f, size)
	if err != nil {
		return fmt.Errorf("wal: extract: %w", err)
	}
	for _, t := range c.tables {
		if t.table == table {
			if _, err := io.Copy(w, newPieceReader(f, t.extents)); err != nil {
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
func Requeue(fsys FS, dir, name string) error {
	if filepath.Base(name) != name || filepath.Ext(name) != segmentSuffix {
		return fmt.Errorf("wal: requeue: %q is not the name of a segment in quarantine", name)
	}
	from := filepath.Join(dir, quarantineDir, name)
	r, err := Verify(fsys, from)
	if err != nil {
		return err
	}
	if r.Appends == 0 {
		return fmt.Errorf("wal: requeue: %s has nothing in it that can be stored", from)
	}
	to := filepath.Join(dir, requeueDir)
	if err := fsys.MkdirAll(to); err != nil {
		return fmt.Errorf("wal: requeue: %w", err)
	}
	if err := fsys.Rename(from, filepath.Join(to, name)); err != nil {
		return fmt.Errorf("wal: requeue: %w", err)
	}
	err = errors.Join(fsys.SyncDir(to), fsys.SyncDir(filepath.Dir(from)))
	if rerr := fsys.Remove(reasonName(from)); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	if err != nil {
		return fmt.Errorf("wal: requeue: %w", err)
	}
	return nil
}
