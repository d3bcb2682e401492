package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

// moveAside moves a whole file into quarantine under name, with its reason
// beside it.
func (l *Log) moveAside(path, name, reason string) error {
	to := filepath.Join(l.cfg.Dir, quarantineDir, name)
	err := l.writeReason(to, reason)
	if err == nil {
		err = l.cfg.FS.Rename(path, to)
	}
	if err == nil {
		err = errors.Join(l.cfg.FS.SyncDir(filepath.Dir(to)), l.cfg.FS.SyncDir(l.cfg.Dir))
	}
	if err != nil {
		return fmt.Errorf("wal: quarantine: %w", err)
	}
	l.metrics.quarantined.Inc()
	l.cfg.Logger.Error("wal: set aside", "file", to, "reason", reason)
	return nil
}

func (l *Log) writeReason(name, reason string) error {
	text := l.cfg.Now().UTC().Format(time.RFC3339) + " " + strings.TrimSpace(reason) + "\n"
	return writeNew(l.cfg.FS, reasonName(name), []byte(text))
}

func reasonName(name string) string { return strings.TrimSuffix(name, segmentSuffix) + ".reason" }

// copyAside copies a damaged stretch of a segment to quarantine.
func (l *Log) copyAside(f File, g *sealed, c *contents, h hole) error {
	name := fmt.Sprintf("%s@%d.corrupt", strings.TrimSuffix(quarantineName(g.seq, c.header.id), segmentSuffix), h.from)
	to := filepath.Join(l.cfg.Dir, quarantineDir, name)
	damage := &CorruptError{Path: g.path, From: h.from, To: h.to, Why: h.why}
	if err := l.writeReason(to, damage.Error()); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	err := l.writeAside(to, func(out *gather) {
		w := window{r: f, size: h.to}
		for off := h.from; off < h.to && out.err == nil; {
			b, err := w.bytes(off, windowSize)
			if err != nil || len(b) == 0 {
				out.err = errors.Join(err, out.err) // unreadable bytes are all that is lost
				return
			}
			out.add(b)
			off += int64(len(b))
		}
	})
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	l.metrics.corrupt.Inc()
	l.cfg.Logger.Error("wal: damage is cut out and set aside", "error", damage, "file", to)
	return nil
}

// writeAside makes a file in quarantine, in place of an earlier one of the same name.
func (l *Log) writeAside(to string, content func(*gather)) error {
	if err := l.cfg.FS.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := l.cfg.FS.Create(to)
	if err != nil {
		return err
	}
	g := &gather{file: f}
	content(g)
	g.flush()
	if g.err == nil {
		g.err = f.Sync()
	}
	err = errors.Join(g.err, f.Close())
	if err != nil {
		l.cfg.FS.Remove(to)
		return err
	}
	return l.cfg.FS.SyncDir(filepath.Dir(to))
}

// writePiece writes extents of one table as a sealed segment of its own.
func writePiece(out *gather, id ID, p *Piece, now time.Time) {
	t := &tableIndex{table: p.Table, rows: p.Rows, bytes: p.Bytes}
	out.buf = (&fileHeader{version: formatVersion, id: id, created: now.UnixNano()}).append(out.buf)
	off := int64(fileHeaderSize)
	for i := range p.extents {
		e := &p.extents[i]
		f := frame{
			kind: kindData, offset: off, id: id, body: int64(e.length), time: now.UnixNano(),
			parts: []part{{Table: p.Table, Rows: e.rows, Length: e.length, CRC: e.crc}},
		}
		out.add(f.appendHead(nil))
		if _, err := io.Copy(writerFunc(out.add), newPieceReader(p.seg.file, p.extents[i:i+1])); err != nil {
			out.err = errors.Join(out.err, err)
			return
		}
		off = f.end()
	}
	out.add(appendSeal(nil, sealOf(id, []*tableIndex{t}, off, off), len(p.extents)))
}

// writerFunc is an io.Writer that keeps its errors to itself.
type writerFunc func([]byte)

func (w writerFunc) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// takeRequeued takes in the segments somebody put into the requeue directory.
// Their identity, and so their tokens, stay what they were.
func (l *Log) takeRequeued() {
	now := l.cfg.Now()
	if now.Sub(l.looked) < l.cfg.Requeued {
		return
	}
	l.looked = now
	dir := filepath.Join(l.cfg.Dir, requeueDir)
	files, err := l.cfg.FS.List(dir)
	if err != nil {
		l.cfg.Logger.Error("wal: requeue", "error", err)
		return
	}
	for _, file := range files {
		if filepath.Ext(file.Name) != segmentSuffix {
			continue
		}
		if err := l.takeIn(filepath.Join(dir, file.Name)); err != nil {
			l.cfg.Logger.Error("wal: requeue", "file", file.Name, "error", err)
		}
	}
}

func (l *Log) takeIn(from string) error {
	seq := l.nextSeq
	l.nextSeq++
	to := filepath.Join(l.cfg.Dir, segmentName(seq))
	if f, err := l.cfg.FS.Open(to, false); err == nil {
		f.Close()
		return fmt.Errorf("%s exists", to)
	}
	if err := l.cfg.FS.Rename(from, to); err != nil {
		return err
	}
	if err := errors.Join(l.cfg.FS.SyncDir(l.cfg.Dir), l.cfg.FS.SyncDir(filepath.Dir(from))); err != nil {
		return err
	}
	g, err := l.recoverSegment(seq, to, false)
	if err != nil || g == nil {
		return err
	}
	l.cfg.Logger.Info("wal: taken in again", "segment", to)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used += g.size
	l.push(g)
	return nil
}
