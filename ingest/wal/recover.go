package wal

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

// sealed is a segment that waits for the consumer. Its index stays on disk.
type sealed struct {
	seq    uint64
	path   string
	size   int64
	acked  int64 // end of what was acked, should the seal not be on disk; 0: the file knows
	oldest time.Time
	tries  int         // failed attempts to open it
	left   []string    // tables that were not stored when it was put to rest; nil: it was not
	boot   segment.Key // when it was taken to be stored; see Log.boot
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
	for _, dir := range []string{"", segment.QuarantineDir, segment.RequeueDir} {
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
		seq, ok := segment.ParseName(f.Name)
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
	c, ok, err := segment.Tail(f, size)
	if err != nil {
		return nil, err
	}
	if ok && !keys {
		if v := c.Header.Version; v != segment.Version {
			return nil, fmt.Errorf("version %d: %w", v, errVersion)
		}
		g := &sealed{seq: seq, path: path, size: size, oldest: time.Unix(0, c.Header.Created)}
		return l.unlessStored(g, c)
	}
	if c, err = segment.Read(f, size); err != nil {
		return nil, err
	}
	return l.recoverContents(f, &sealed{seq: seq, path: path, size: size}, c)
}

func (l *Log) recoverContents(f segment.File, g *sealed, c *segment.Contents) (*sealed, error) {
	if v := c.Header.Version; v > segment.Version {
		return nil, fmt.Errorf("version %d: %w", v, errVersion)
	}
	now := l.cfg.Now().UnixNano()
	for _, k := range c.Keys {
		l.keys.settle(k, now) // from now on: the client waited for us
	}
	if c.Frames == 0 {
		return nil, l.discard(f, g, c)
	}
	g.oldest = time.Unix(0, c.Oldest)
	l.repair(f, g, c)
	return l.unlessStored(g, c)
}

// discard removes a file without a single append. One that has something else
// in it is set aside instead.
func (l *Log) discard(f segment.File, g *sealed, c *segment.Contents) error {
	if c.Header.ID != (segment.ID{}) || g.size == 0 {
		return l.cfg.FS.Remove(g.path)
	}
	blank, err := segment.Blank(f, g.size)
	if err != nil {
		return err
	}
	if blank {
		return l.cfg.FS.Remove(g.path)
	}
	name := filepath.Base(g.path) + segment.CorruptSuffix
	return l.moveAside(g.path, name, "not a segment: no header and no frame in it")
}

// unlessStored is g, or nil and g removed or settling when all its tables are
// stored.
func (l *Log) unlessStored(g *sealed, c *segment.Contents) (*sealed, error) {
	g.boot = l.boot()
	done := l.believed(c.Done)
	for _, t := range c.Tables {
		if !slices.Contains(done, t.Name) {
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
func (l *Log) repair(f segment.File, g *sealed, c *segment.Contents) {
	if missing := c.Missing(); missing > 0 {
		l.metrics.corrupt.Inc()
		l.cfg.Logger.Error("wal: segment is damaged", "segment", g.path, "appends_missing", missing)
	}
	for _, h := range c.Holes {
		if !h.Damage {
			l.cfg.Logger.Warn("wal: an append that was never acked is cut out", "segment", g.path, "from", h.From, "to", h.To)
		}
	}
	if c.End < c.Size && !c.Sealed() {
		l.cfg.Logger.Warn("wal: torn tail is cut off", "segment", g.path, "from", c.End, "bytes", c.Size-c.End)
	}
	err := c.Repair(f, func(h segment.Hole) error { return l.copyAside(f, g, c.Header.ID, h) })
	g.size = c.End
	if err != nil {
		l.cfg.Logger.Error("wal: segment could not be repaired on disk", "segment", g.path, "error", err)
	}
}
