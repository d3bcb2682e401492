package wal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

// moveAside moves a whole file into quarantine under name, with its reason
// beside it.
func (l *Log) moveAside(path, name, reason string) error {
	to := filepath.Join(l.cfg.Dir, segment.QuarantineDir, name)
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
	return segment.WriteFile(l.cfg.FS, segment.ReasonName(name), func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// copyAside copies a damaged stretch of a segment to quarantine. Bytes that
// cannot be read are all that is lost.
func (l *Log) copyAside(f segment.File, g *sealed, id segment.ID, h segment.Hole) error {
	name := fmt.Sprintf("%s@%d%s", strings.TrimSuffix(segment.QuarantineName(g.seq, id), segment.Suffix), h.From, segment.CorruptSuffix)
	to := filepath.Join(l.cfg.Dir, segment.QuarantineDir, name)
	damage := &segment.CorruptError{Path: g.path, From: h.From, To: h.To, Why: h.Why}
	if err := l.writeReason(to, damage.Error()); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	err := segment.WriteFile(l.cfg.FS, to, func(w io.Writer) error {
		_, err := io.Copy(w, io.NewSectionReader(f, h.From, h.To-h.From))
		return err
	})
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	l.metrics.corrupt.Inc()
	l.cfg.Logger.Error("wal: damage is cut out and set aside", "error", damage, "file", to)
	return nil
}

// takeRequeued takes in the segments somebody put into the requeue directory.
// Their identity, and so their tokens, stay what they were.
func (l *Log) takeRequeued() {
	now := l.cfg.Now()
	if now.Sub(l.looked) < l.cfg.Requeued {
		return
	}
	l.looked = now
	dir := filepath.Join(l.cfg.Dir, segment.RequeueDir)
	files, err := l.cfg.FS.List(dir)
	if err != nil {
		l.cfg.Logger.Error("wal: requeue", "error", err)
		return
	}
	for _, file := range files {
		if filepath.Ext(file.Name) != segment.Suffix {
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
	to := filepath.Join(l.cfg.Dir, segment.Name(seq))
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
