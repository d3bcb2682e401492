package wal

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// sealed is a segment that waits for the consumer. Its index stays on disk.
type sealed struct {
	seq    uint64
	path   string
	size   int64
	acked  int64 // end of what was acked, should the seal not be on disk; 0: the file knows
	oldest time.Time
	tries  int      // failed attempts to open it
	left   []string // tables that were not stored when it was put to rest; nil: it was not
	boot   Key      // when it was taken to be stored; see Log.boot
}

// errVersion is a segment written by a newer program.
var errVersion = errors.New("a format this program does not know")

// Open opens the log in cfg.Dir, makes the directory if needed, repairs what a
// crash left and puts what is damaged aside. Damage never keeps it from
// opening: only a directory that cannot be used, or is in use, does.
func Open(cfg Config) (*Log, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	for _, dir := range []string{"", quarantineDir, requeueDir} {
		if err := cfg.FS.MkdirAll(filepath.Join(cfg.Dir, dir)); err != nil {
			return nil, fmt.Errorf("wal: open: %w", err)
		}
	}
	lock, err := cfg.FS.Lock(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("wal: open: %w", err)
	}
	l := &Log{
		cfg: cfg, lock: lock, keys: newKeys(cfg.Keys), nextSeq: 1,
		changed: make(chan struct{}), wake: make(chan struct{}, 1), wakeSettler: make(chan struct{}, 1), done: make(chan struct{}),
	}
	l.metrics = newMetrics()
	if err := l.recover(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("wal: open: %w", err)
	}
	l.metrics.register(l, cfg.Registerer)
	l.takeRequeued()
	go l.run()
	if cfg.Settle != nil {
		go l.runSettler()
	}
	return l, nil
}

// recover takes stock of the directory.
func (l *Log) recover() error {
	files, err := l.cfg.FS.List(l.cfg.Dir)
	if err != nil {
		return err
	}
	type found struct {
		seq  uint64
		name string
		size int64
	}
	var segments []found
	for _, f := range files {
		seq, ok := parseSegmentName(f.Name)
		if !ok {
			if f.Name != "lock" {
				l.cfg.Logger.Warn("wal: a file that is not ours is left alone", "file", filepath.Join(l.cfg.Dir, f.Name))
			}
			continue
		}
		segments = append(segments, found{seq, f.Name, f.Size})
		l.nextSeq = max(l.nextSeq, seq+1)
	}
	slices.SortFunc(segments, func(a, b found) int {
		if a.seq < b.seq {
			return -1
		}
		return 1
	})
	for i, s := range segments {
		// The newest two have the keys of what clients may send again.
		newest := i >= len(segments)-2
		g, err := l.recoverSegment(s.seq, filepath.Join(l.cfg.Dir, s.name), newest)
		switch {
		case errors.Is(err, errVersion):
			l.cfg.Logger.Error("wal: segment is left alone", "segment", s.name, "error", err)
		case err != nil: // Next tries again
			l.cfg.Logger.Error("wal: segment cannot be read", "segment", s.name, "error", err)
			g = &sealed{seq: s.seq, path: filepath.Join(l.cfg.Dir, s.name), size: s.size, oldest: l.cfg.Now()}
		}
		if g != nil {
			l.used += g.size
			l.ready = append(l.ready, g)
		}
	}
	return nil
}

// recoverSegment makes a file a sealed segment; nil when there is nothing in
// it to be stored.
func (l *Log) recoverSegment(seq uint64, path string, keys bool) (*sealed, error) {
	f, err := l.cfg.FS.Open(path, true)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	head, seal, done, ok, err := tail(f, size)
	if err != nil {
		return nil, err
	}
	if ok && !keys {
		if head.version != formatVersion {
			return nil, fmt.Errorf("version %d: %w", head.version, errVersion)
		}
		g := &sealed{seq: seq, path: path, size: size, oldest: time.Unix(0, head.created)}
		return l.unlessStored(g, seal.parts, done)
	}
	c, err := readContents(f, size)
	if err != nil {
		return nil, err
	}
	return l.recoverContents(f, &sealed{seq: seq, path: path, size: size}, c)
}

func (l *Log) recoverContents(f File, g *sealed, c *contents) (*sealed, error) {
	if v := c.header.version; v > formatVersion {
		return nil, fmt.Errorf("version %d: %w", v, errVersion)
	}
	now := l.cfg.Now().UnixNano()
	for _, k := range c.keys {
		l.keys.settle(k, now) // from now on: the client waited for us
	}
	if c.frames == 0 {
		return nil, l.discard(g, c)
	}
	g.oldest = time.Unix(0, c.oldest)
	l.repair(f, g, c)
	return l.unlessStored(g, c.sealFrame(0).parts, c.done)
}

// discard removes a file without a single append. One that has something else
// in it is set aside instead.
func (l *Log) discard(g *sealed, c *contents) error {
	if c.header.id != (ID{}) || g.size == 0 {
		return l.cfg.FS.Remove(g.path)
	}
	blank, err := l.blank(g.path, g.size)
	if err != nil {
		return err
	}
	if blank { // the size was on disk before the data
		return l.cfg.FS.Remove(g.path)
	}
	name := filepath.Base(g.path) + ".corrupt"
	return l.moveAside(g.path, name, "not a segment: no header and no frame in it")
}

func (l *Log) blank(path string, size int64) (bool, error) {
	f, err := l.cfg.FS.Open(path, false)
	if err != nil {
		return false, err
	}
	defer f.Close()
	w := window{r: f, size: size}
	for off := int64(0); off < size; off += windowSize {
		b, err := w.bytes(off, windowSize)
		if err != nil {
			return false, err
		}
		for _, c := range b {
			if c != 0 {
				return false, nil
			}
		}
	}
	return true, nil
}

// unlessStored is g, or nil and g removed or settling when all its tables are
// stored.
func (l *Log) unlessStored(g *sealed, tables []part, marks []mark) (*sealed, error) {
	g.boot = l.boot()
	done := l.believed(marks)
	for _, t := range tables {
		if !slices.Contains(done, t.Table) {
			return g, nil
		}
	}
	if l.cfg.Settle != nil {
		l.addUsed(g.size)
		l.settle(g)
		return nil, nil
	}
	return nil, l.cfg.FS.Remove(g.path)
}

// repair makes the file what the scan found: damage is copied to quarantine
// and voided, what a crash tore is cut off, and the seal is written if it is
// not there. What cannot be done now is logged and found again next time; the
// contents are right either way.
func (l *Log) repair(f File, g *sealed, c *contents) {
	var errs []error
	missing := c.missing()
	if missing > 0 {
		l.metrics.corrupt.Inc()
		l.cfg.Logger.Error("wal: segment is damaged", "segment", g.path, "appends_missing", missing)
	}
	for _, h := range c.holes {
		if c.damage(h) {
			if err := l.copyAside(f, g, c, h); err != nil {
				errs = append(errs, err)
				continue // voiding it would lose it
			}
		} else {
			l.cfg.Logger.Warn("wal: an append that was never acked is cut out", "segment", g.path, "from", h.from, "to", h.to)
		}
		errs = append(errs, voidHole(f, &c.header, h, missing))
		missing = 0
	}
	if c.end < c.size {
		if c.seal == nil {
			l.cfg.Logger.Warn("wal: torn tail is cut off", "segment", g.path, "from", c.end, "bytes", c.size-c.end)
		}
		errs = append(errs, f.Truncate(c.end))
	}
	if len(c.holes) > 0 || c.seal == nil {
		errs = append(errs, f.Sync())
	}
	if c.seal == nil {
		errs = append(errs, c.writeSeal(f))
	}
	g.size = c.end
	if err := errors.Join(errs...); err != nil {
		l.cfg.Logger.Error("wal: segment could not be repaired on disk", "segment", g.path, "error", err)
	}
}

// writeSeal ends a segment that has no seal.
func (c *contents) writeSeal(f File) error {
	seal := c.sealFrame(c.end)
	b := appendSeal(nil, seal, c.frames)
	if _, err := f.WriteAt(b, c.end); err != nil {
		return err
	}
	c.seal = &seal
	c.end += int64(len(b))
	return nil
}

// voidHole writes void frames over a hole, and the file header if the hole has
// it. lost is how many appends are known to have been in it.
func voidHole(f File, head *fileHeader, h hole, lost int) error {
	from := h.from
	if from < fileHeaderSize {
		head.version = formatVersion
		if _, err := f.WriteAt(head.append(nil), 0); err != nil {
			return err
		}
		from = fileHeaderSize
	}
	for from+frameHeaderSize <= h.to {
		n := min(h.to-from, maxFrame/2)
		if rest := h.to - from - n; rest > 0 && rest < frameHeaderSize {
			n -= frameHeaderSize
		}
		v := frame{kind: kindVoid, offset: from, id: head.id, body: n - frameHeaderSize}
		v.setCount(lost)
		lost = 0
		if _, err := f.WriteAt(v.appendHead(nil), from); err != nil {
			return err
		}
		from += n
	}
	return nil
}
