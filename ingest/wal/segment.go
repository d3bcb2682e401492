package wal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

// Segment is a sealed segment in the hands of the consumer, until Remove,
// Quarantine or Return. Its methods may be called concurrently, but not after
// those.
type Segment struct {
	log  *Log
	info *sealed
	file segment.File

	mu       sync.Mutex
	contents *segment.Contents // what is marked as stored moves its end
	done     []string
}

// Next hands out the oldest sealed segment nobody has, and waits for one if
// there is none. Several may be out at a time. What is damaged in it was set
// aside already. The error is ErrClosed, the context's, or the disk's; after
// the latter the segment is tried again later.
func (l *Log) Next(ctx context.Context) (*Segment, error) {
	return l.NextOf(ctx, func([]string) bool { return true })
}

// restPause is how often segments that rest are looked at.
const restPause = 100 * time.Millisecond

// NextOf is Next without the resting segments whose tables want does not want.
// It must return at once.
func (l *Log) NextOf(ctx context.Context, want func(left []string) bool) (*Segment, error) {
	for {
		l.mu.Lock()
		changed, closing, resting := l.changed, l.closing, len(l.ready) > 0
		var g *sealed
		i := slices.IndexFunc(l.ready, func(g *sealed) bool { return g.left == nil || want(g.left) })
		if !closing && i >= 0 {
			g = l.ready[i]
			l.ready = slices.Delete(l.ready, i, i+1)
			l.held = append(l.held, g)
			l.signal() // with none left waiting, age counts again
		}
		l.mu.Unlock()
		switch {
		case closing:
			return nil, ErrClosed
		case g == nil:
			var again <-chan time.Time
			if resting {
				again = time.After(restPause)
			}
			select {
			case <-changed:
			case <-again:
			case <-ctx.Done():
				return nil, fmt.Errorf("wal: next: %w", context.Cause(ctx))
			}
		default:
			s, err := l.openSegment(g)
			if s != nil || err != nil {
				return s, err
			}
		}
	}
}

// openTries is how often a segment that cannot be read is tried before it is
// set aside.
const openTries = 5

// openSegment reads the index of g; nil without an error when there is nothing
// to be stored in it.
func (l *Log) openSegment(g *sealed) (*Segment, error) {
	s, err := l.load(g)
	switch {
	case err == nil && len(s.Tables()) > 0:
		return s, nil
	case err == nil: // all was marked done, or damaged
		return nil, s.Remove()
	case errors.Is(err, fs.ErrNotExist):
		l.cfg.Logger.Error("wal: a segment that was not stored yet is gone", "segment", g.path)
		l.release(g, g.size)
		return nil, nil
	}
	if g.tries++; g.tries >= openTries {
		reason := fmt.Sprintf("cannot be read: %v", err)
		if err := l.moveAside(g.path, filepath.Base(g.path), reason); err == nil {
			l.release(g, g.size)
			return nil, nil
		}
	}
	l.giveBack(g)
	return nil, fmt.Errorf("wal: next: %w", err)
}

func (l *Log) load(g *sealed) (*Segment, error) {
	f, err := l.cfg.FS.Open(g.path, true)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		f.Close()
		return nil, err
	}
	c, err := segment.Read(f, size)
	if err == nil && !c.Sealed() && g.acked > 0 && g.acked < size {
		c, err = segment.Read(f, g.acked) // beyond it nothing was acked
		if err == nil {
			c.Size = size
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	before := g.size
	g.boot = l.boot() // of before it is sent
	l.repair(f, g, c)
	l.addUsed(g.size - before)
	c.Keys = nil
	return &Segment{log: l, info: g, file: f, contents: c, done: l.believed(c.Done)}, nil
}

// release forgets a segment that was handed out, and bytes of it.
func (l *Log) release(g *sealed, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used -= bytes
	l.held = slices.DeleteFunc(l.held, func(h *sealed) bool { return h == g })
}

// giveBack puts a segment that was handed out back to its place in the order.
func (l *Log) giveBack(g *sealed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = slices.DeleteFunc(l.held, func(h *sealed) bool { return h == g })
	i, _ := slices.BinarySearchFunc(l.ready, g, func(a, b *sealed) int {
		if a.seq < b.seq {
			return -1
		}
		return 1
	})
	l.ready = slices.Insert(l.ready, i, g)
	l.announce()
}

// ID is the segment's identity.
func (s *Segment) ID() segment.ID { return s.contents.Header.ID }

// Oldest is when its first append came.
func (s *Segment) Oldest() time.Time { return s.info.oldest }

// Tables are the tables not marked done, in the order they came up. Storing
// them in an order that readers can live with is the consumer's business.
func (s *Segment) Tables() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, t := range s.contents.Tables {
		if !slices.Contains(s.done, t.Name) {
			names = append(names, t.Name)
		}
	}
	return names
}

// Piece is all of a table's rows in the segment; empty when it has none.
func (s *Segment) Piece(table string) Piece {
	for _, t := range s.contents.Tables {
		if t.Name == table {
			return Piece{
				Table: table, Token: s.ID().String() + "-" + table,
				Rows: t.Rows, Bytes: t.Bytes, seg: s, extents: t.Extents,
			}
		}
	}
	return Piece{Table: table, seg: s}
}

// Done marks a table as stored, so that a restart does not send it again. The
// mark is not synced, and not believed when the machine was started again since
// or the storage has lost something: then the table is sent again with the same
// token.
func (s *Segment) Done(table string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, table)
	before := s.contents.End
	if err := s.contents.Mark(s.file, segment.Mark{Table: table, Boot: s.info.boot}, s.log.cfg.Now()); err != nil {
		return fmt.Errorf("wal: done %s: %w", table, err)
	}
	s.log.addUsed(s.contents.End - before)
	s.info.size = s.contents.End
	return nil
}

// Remove deletes the segment once it has settled. It is an error while a table
// is not done.
func (s *Segment) Remove() error {
	if left := s.Tables(); len(left) > 0 {
		return fmt.Errorf("wal: remove: not stored yet: %s", left)
	}
	if s.log.cfg.Settle != nil {
		err := s.file.Close()
		if s.info.boot == s.log.boot() {
			s.log.settle(s.info)
		} else { // some of it was stored before the storage lost something
			s.log.sendAgain(s.info)
		}
		if err != nil {
			return fmt.Errorf("wal: remove: %w", err)
		}
		return nil
	}
	err := errors.Join(s.file.Close(), s.log.cfg.FS.Remove(s.info.path))
	if err != nil { // its marks tell a restart that all is stored
		s.log.release(s.info, 0)
		return fmt.Errorf("wal: remove: %w", err)
	}
	s.log.release(s.info, s.info.size)
	return nil
}

// Return gives the segment back; Next will hand it out again.
func (s *Segment) Return() {
	s.file.Close()
	s.log.giveBack(s.info)
}

// Rest gives the segment back until some of the tables that are left of it are
// wanted; see NextOf. Others are handed out meanwhile.
func (s *Segment) Rest() {
	s.info.left = s.Tables()
	s.Return()
}

// Quarantine sets the segment aside with what is not done of it. It stays in
// the quarantine directory until it is requeued or deleted by hand.
func (s *Segment) Quarantine(reason string) error {
	s.file.Close()
	err := s.log.moveAside(s.info.path, segment.QuarantineName(s.info.seq, s.ID()), reason)
	if err != nil {
		s.log.giveBack(s.info)
		return err
	}
	s.log.release(s.info, s.info.size)
	return nil
}

// Piece is rows of one table that are sent in one insert.
type Piece struct {
	Table string
	Token string // the same for the same rows, whenever they are sent
	Rows  int
	Bytes int64

	seg     *Segment
	extents []segment.Extent
	from    int // of the first extent among the table's; with their number it names the piece
}

// Reader streams the rows: block.Block payloads one after the other, Bytes in
// all. It holds little memory, and each call begins anew.
func (p Piece) Reader() io.Reader { return segment.NewReader(p.seg.file, p.extents) }

// Halves cuts the piece in two at an append, so that rows which storage
// rejects can be found; ok is false when it is the rows of one append.
func (p Piece) Halves() (a, b Piece, ok bool) {
	n := len(p.extents) / 2
	if n == 0 {
		return a, b, false
	}
	return p.cut(0, n), p.cut(n, len(p.extents)), true
}

func (p Piece) cut(from, to int) Piece {
	c := Piece{Table: p.Table, seg: p.seg, extents: p.extents[from:to], from: p.from + from}
	c.Token = fmt.Sprintf("%s-%s-%d-%d", p.seg.ID(), p.Table, c.from, to-from)
	for _, e := range c.extents {
		c.Rows += int(e.Rows)
		c.Bytes += int64(e.Length)
	}
	return c
}

// Quarantine sets a copy of the piece aside as a segment of its own. The table
// may be marked done when every other piece of it is stored.
func (p Piece) Quarantine(reason string) error {
	l := p.seg.log
	id := segment.PieceID(p.Token)
	to := filepath.Join(l.cfg.Dir, segment.QuarantineDir, segment.QuarantineName(p.seg.info.seq, id))
	err := l.writeReason(to, reason)
	if err == nil {
		t := &segment.Table{Name: p.Table, Rows: p.Rows, Bytes: p.Bytes, Extents: p.extents}
		err = segment.WriteFile(l.cfg.FS, to, func(w io.Writer) error { return segment.Excerpt(w, p.seg.file, t, id, l.cfg.Now()) })
	}
	if err != nil {
		return fmt.Errorf("wal: quarantine: %w", err)
	}
	l.metrics.quarantined.Inc()
	l.cfg.Logger.Error("wal: rows set aside", "table", p.Table, "rows", p.Rows, "file", to, "reason", reason)
	return nil
}
