package segment

import (
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// Writer is a segment that is being written, by one goroutine.
//
//	0           start                    end                     allocated
//	+-----------+------------------------+- - - - - - - - - - - -+
//	| header    | frames that are synced | the write under way   |
//	+-----------+------------------------+- - - - - - - - - - - -+
type Writer struct {
	path      string
	id        ID
	file      File
	end       int64
	synced    int64 // 0 before the first sync, then end
	allocated int64
	frames    int
	tables    []*Table  // without extents
	oldest    time.Time // of the first entry
	pending   []*Entry  // written, not synced
	buf       []byte
}

// allocation is how much room is set aside at a time: a write into room of
// its own costs a third of the fsync that growing the file costs.
const allocation = 8 << 20

// Create makes a segment that begins with keys. Its header is on disk with the
// first Sync; its name is already. A file that is there already is left alone,
// and the error wraps fs.ErrExist.
func Create(fsys FS, path string, keys []Key, now time.Time) (*Writer, error) {
	w := &Writer{path: path}
	if _, err := rand.Read(w.id[:]); err != nil {
		return nil, err
	}
	head := (&Header{Version: Version, ID: w.id, Created: now.UnixNano()}).append(nil)
	head = appendKeys(head, frame{id: w.id, time: now.UnixNano()}, keys)
	var err error
	if w.file, err = fsys.Create(path); err != nil {
		return nil, err
	}
	if _, err = w.file.WriteAt(head, 0); err == nil {
		err = fsys.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		w.file.Close()
		fsys.Remove(path)
		return nil, err
	}
	w.end, w.allocated = int64(len(head)), int64(len(head))
	return w, nil
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

// Path is where the file is.
func (w *Writer) Path() string { return w.path }

// Size is the bytes that are synced, and the header.
func (w *Writer) Size() int64 { return w.end }

// Frames is the number of entries that are synced.
func (w *Writer) Frames() int { return w.frames }

// Oldest is the time of the first entry.
func (w *Writer) Oldest() time.Time { return w.oldest }

// Full tells whether the segment is as large as one should be, by its bytes,
// by the rows of one of its tables or by the number of its frames.
func (w *Writer) Full(bytes int64, rows int) bool {
	if w.end >= bytes || w.frames >= maxFrames {
		return true
	}
	for _, t := range w.tables {
		if t.Rows >= rows {
			return true
		}
	}
	return false
}

// maxFrames bounds the index of a segment: 16 bytes a part.
const maxFrames = 1 << 16

// Write puts the frames of entries behind what is there. After an error Undo
// is to be called.
func (w *Writer) Write(entries []*Entry) error {
	var total int64
	for _, e := range entries {
		total += e.size
	}
	if w.end+total > w.allocated {
		n := max(allocation, w.end+total-w.allocated)
		// Only a hint: what cannot be set aside may still be written.
		if err := w.file.Allocate(w.allocated, n); err == nil {
			w.allocated += n
		}
	}
	w.pending = entries
	g := gather{file: w.file, off: w.end, buf: w.buf[:0]}
	off := w.end
	for _, e := range entries {
		e.frame.offset, e.frame.synced, e.frame.id, e.frame.time = off, w.synced, w.id, e.Time
		g.buf = e.frame.appendHead(g.buf)
		for i := range e.blocks {
			g.add(e.blocks[i].Native)
		}
		off += e.size
	}
	g.flush()
	w.buf = g.buf
	return g.err
}

// Sync makes durable what was written; it counts only when that succeeded.
// After an error Undo is to be called, and nothing more to be written.
func (w *Writer) Sync() error {
	if err := w.file.Sync(); err != nil {
		return err
	}
	for _, e := range w.pending {
		if w.frames == 0 {
			w.oldest = time.Unix(0, e.Time)
		}
		w.frames++
		w.end += e.size
		w.count(e.frame.parts)
	}
	w.synced, w.pending = w.end, nil
	return nil
}

func (w *Writer) count(parts []part) {
	for i := range parts {
		p := &parts[i]
		if p.Table == keysPart {
			continue
		}
		t := tableOf(&w.tables, p.Table)
		t.Rows += int(p.Rows)
		t.Bytes += int64(p.Length)
	}
}

// Undo cuts off what is not synced. With sync the cut itself is: without it a
// crash may bring back what is about to be written again.
func (w *Writer) Undo(sync bool) error {
	w.allocated, w.pending = w.end, nil // room set aside goes with it
	err := w.file.Truncate(w.end)
	if sync {
		err = errors.Join(err, w.file.Sync())
	}
	return err
}

// Seal writes the seal and closes the file. The seal needs no fsync: a restart
// that does not find it scans the frames, which are synced, and seals again.
func (w *Writer) Seal() (size int64, err error) {
	b := appendSeal(nil, sealOf(w.id, w.tables, w.end, w.end), w.frames)
	size = w.end + int64(len(b))
	if _, err = w.file.WriteAt(b, w.end); err == nil {
		err = w.file.Truncate(size) // room set aside and not used goes back
	}
	if err != nil {
		err = fmt.Errorf("seal: %w", err)
		if terr := w.file.Truncate(w.end); terr != nil {
			err = errors.Join(err, terr)
		}
		size = w.end
	}
	return size, errors.Join(err, w.file.Close())
}

// Close closes the file as it is.
func (w *Writer) Close() error { return w.file.Close() }
