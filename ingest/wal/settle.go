package wal

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

// A segment whose tables are all stored is not deleted at once: the storage has
// acked its rows, but a storage that does not sync them may lose them with the
// machine's power. So it settles first:
//
//	Remove ─▶ settled ─▶ Config.Settle (syncs what storage wrote) ─▶ deleted
//	             ▲ the power goes, or the storage finds that it lost something:
//	             │ marks of another boot or epoch are not believed, and the
//	             └ segment is sent again with its tokens
//
// One sync serves all segments that were done when it began.

// boot names the time in which what was stored is still there, short of power
// being lost: this boot of the machine and this epoch of the storage. It is
// zero where boots cannot be told apart.
func (l *Log) boot() segment.Key {
	if l.cfg.Epoch == nil || l.cfg.Boot == (segment.Key{}) {
		return l.cfg.Boot
	}
	sum := sha256.Sum256(append(l.cfg.Boot[:], l.cfg.Epoch()...))
	return segment.Key(sum[:len(segment.Key{})])
}

// believed are the tables of marks that say the truth even if power was lost
// since.
func (l *Log) believed(marks []segment.Mark) (tables []string) {
	boot := l.boot()
	for _, m := range marks {
		if l.cfg.Settle == nil || m.Boot == boot && m.Boot != (segment.Key{}) {
			tables = append(tables, m.Table)
		}
	}
	return tables
}

// settle takes a segment all of whose tables are stored. Its bytes stay counted.
func (l *Log) settle(g *sealed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = slices.DeleteFunc(l.held, func(h *sealed) bool { return h == g })
	l.settled = append(l.settled, g)
	select {
	case l.wakeSettler <- struct{}{}:
	default:
	}
}

// runSettler deletes settled segments until the log is closed.
func (l *Log) runSettler() {
	for {
		select {
		case <-l.wakeSettler:
		case <-l.done:
			return
		}
		for l.unsettled() > 0 {
			select {
			case <-time.After(l.settlePause()):
			case <-l.done:
				return
			}
			if err := l.settleAll(); err != nil {
				l.cfg.Logger.Error("wal: what is stored could not be synced; its segments are kept", "error", err)
			}
		}
	}
}

// settlePause is short when the segments that settle are in the way.
func (l *Log) settlePause() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used > l.cfg.MaxBytes/2 {
		return l.cfg.SettlePause / 10
	}
	return l.cfg.SettlePause
}

func (l *Log) unsettled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.settled)
}

// settleAll syncs and deletes what had settled before.
func (l *Log) settleAll() error {
	l.mu.Lock()
	before := slices.Clone(l.settled)
	l.mu.Unlock()
	unsynced := l.cfg.Settle(context.Background())
	boot := l.boot()
	errs := []error{unsynced}
	for _, g := range before {
		l.mu.Lock()
		closing := l.closing
		l.mu.Unlock()
		if closing { // the directory may be another process's
			return nil
		}
		if g.boot != boot {
			l.sendAgain(g)
			continue
		}
		if unsynced != nil {
			continue
		}
		err := l.cfg.FS.Remove(g.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err) // its marks tell a restart that all is stored
		}
		l.mu.Lock()
		l.settled = slices.DeleteFunc(l.settled, func(h *sealed) bool { return h == g })
		if err == nil {
			l.used -= g.size
		}
		l.mu.Unlock()
	}
	return errors.Join(errs...)
}

// sendAgain hands out once more what was stored in an epoch that is over.
func (l *Log) sendAgain(g *sealed) {
	l.cfg.Logger.Warn("wal: the storage may have lost a segment that it had acked; it is sent again", "segment", g.path)
	l.mu.Lock()
	l.settled = slices.DeleteFunc(l.settled, func(h *sealed) bool { return h == g })
	g.left = nil
	l.mu.Unlock()
	l.giveBack(g)
}
