package wal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// active is the segment that is being written. Only the committer touches it.
//
//	0           start                    end                     allocated
//	+-----------+------------------------+- - - - - - - - - - - -+
//	| header    | frames that are synced | the commit under way  |
//	+-----------+------------------------+- - - - - - - - - - - -+
type active struct {
	seq       uint64
	path      string
	id        ID
	file      File
	end       int64
	synced    int64 // 0 before the first commit, then end
	allocated int64
	frames    int
	tables    []*tableIndex // rows and bytes only, no extents
	oldest    time.Time     // of the first append
}

// allocation is how much room is set aside at a time: a write into room of
// its own costs a third of the fsync that growing the file costs.
const allocation = 8 << 20

// newActive makes the next segment. Its header is on disk with the first
// commit; its name is already.
func (l *Log) newActive() (*active, error) {
	a := &active{}
	if _, err := rand.Read(a.id[:]); err != nil {
		return nil, err
	}
	now := l.cfg.Now()
	l.mu.Lock()
	carried := l.keys.carry(now)
	l.mu.Unlock()
	head := (&fileHeader{version: formatVersion, id: a.id, created: now.UnixNano()}).append(nil)
	head = appendKeys(head, frame{id: a.id, time: now.UnixNano()}, carried)

	var err error
	for { // a name that is taken by something we did not put there is left alone
		a.seq = l.nextSeq
		l.nextSeq++
		a.path = filepath.Join(l.cfg.Dir, segmentName(a.seq))
		if a.file, err = l.cfg.FS.Create(a.path); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if _, err = a.file.WriteAt(head, 0); err == nil {
		err = l.cfg.FS.SyncDir(l.cfg.Dir)
	}
	if err != nil {
		a.file.Close()
		l.cfg.FS.Remove(a.path)
		return nil, err
	}
	a.end, a.allocated = int64(len(head)), int64(len(head))
	l.addUsed(a.end)
	return a, nil
}

// appendKeys appends a keys frame, unless there are none.
func appendKeys(dst []byte, f frame, ks []Key) []byte {
	if len(ks) == 0 {
		return dst
	}
	body := keyBytes(ks)
	f.kind, f.offset, f.body = kindKeys, int64(len(dst)), int64(len(body))
	f.parts = []part{{Length: uint32(len(body)), CRC: checksum(0, body)}}
	return append(f.appendHead(dst), body...)
}

func keyBytes(ks []Key) []byte {
	b := make([]byte, 0, len(ks)*len(Key{}))
	for _, k := range ks {
		b = append(b, k[:]...)
	}
	return b
}

// write puts the frames of batch behind what is there. buf is scratch space
// and returned for the next time.
func (a *active) write(batch []*ticket, buf []byte) ([]byte, error) {
	var total int64
	for _, t := range batch {
		total += t.size
	}
	if a.end+total > a.allocated {
		n := max(allocation, a.end+total-a.allocated)
		// Only a hint: what cannot be set aside may still be written.
		if err := a.file.Allocate(a.allocated, n); err == nil {
			a.allocated += n
		}
	}
	w := gather{file: a.file, off: a.end, buf: buf[:0]}
	off := a.end
	for _, t := range batch {
		t.frame.offset, t.frame.synced, t.frame.id = off, a.synced, a.id
		w.buf = t.frame.appendHead(w.buf)
		for i := range t.blocks {
			w.add(t.blocks[i].Native)
		}
		off += t.size
	}
	w.flush()
	return w.buf, w.err
}

// take counts a batch that is synced.
func (a *active) take(batch []*ticket) {
	for _, t := range batch {
		if a.frames == 0 {
			a.oldest = time.Unix(0, t.frame.time)
		}
		a.frames++
		a.end += t.size
		for i := range t.frame.parts {
			p := &t.frame.parts[i]
			if p.Table == keysPart {
				continue
			}
			s := a.table(p.Table)
			s.rows += int(p.Rows)
			s.bytes += int64(p.Length)
		}
	}
	a.synced = a.end
}

// undo cuts off what is not acked.
func (a *active) undo() error {
	a.allocated = a.end // room set aside goes with it
	return a.file.Truncate(a.end)
}

func (a *active) table(name string) *tableIndex {
	for _, t := range a.tables {
		if t.table == name {
			return t
		}
	}
	t := &tableIndex{table: name}
	a.tables = append(a.tables, t)
	return t
}

// full says whether the segment is as large as one should be.
func (a *active) full(cfg *Config) bool {
	if a.end >= cfg.SegmentBytes || a.frames >= maxFrames {
		return true
	}
	for _, t := range a.tables {
		if t.rows >= cfg.SegmentRows {
			return true
		}
	}
	return false
}

// maxFrames bounds the index of a segment: 16 bytes a part.
const maxFrames = 1 << 16

// seal writes the seal and closes the file. The seal needs no fsync: a restart
// that does not find it scans the frames, which are synced, and seals again.
func (a *active) seal() (size int64, err error) {
	b := appendSeal(nil, sealOf(a.id, a.tables, a.end, a.end), a.frames)
	size = a.end + int64(len(b))
	if _, err = a.file.WriteAt(b, a.end); err == nil {
		err = a.file.Truncate(size) // room set aside and not used goes back
	}
	if err != nil {
		err = fmt.Errorf("seal: %w", err)
		if terr := a.file.Truncate(a.end); terr != nil {
			err = errors.Join(err, terr)
		}
		size = a.end
	}
	return size, errors.Join(err, a.file.Close())
}

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
