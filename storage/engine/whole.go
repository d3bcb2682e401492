package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/partloss"
)

// An insert that the engine has acknowledged can still be lost: with the machine's power, or because a disk was full
// and the engine did not notice that a write failed. Whoever keeps what it sent until Sync has returned loses nothing,
// if it sends everything again, with the same tokens, after Epoch has changed:
//
//	launch ─▶ tokens of parts found broken are forgotten, a new Epoch ─▶ serve
//	  ▲                                                                    │
//	  └── a part is not whole ◀── Sync: writes all out; after failed ◀─────┘
//	                              writes it has the newest parts checked

// Epoch names the time since the engine may last have lost what it acknowledged. It is the same across restarts that
// lost nothing.
func (e *Engine) Epoch() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.epoch
}

// mend repairs what a crash or a full disk left, and takes back the tokens of parts that are not there. The child does
// not run.
func (e *Engine) mend() error {
	if err := dropUnfinishedTables(e.layout, e.cfg.Logger); err != nil {
		return err
	}
	mended, err := partloss.Repair(e.layout.data())
	for _, file := range mended {
		e.cfg.Logger.Warn("engine: cut off half a line that was left in a deduplication log", "file", file)
	}
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	lost, err := partloss.Find(e.layout.data())
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	return e.forget(lost)
}

// mendLoaded does the same for the parts that a child which has just loaded its tables found broken. It is false when
// some have tokens, which can only be taken back while the child does not run.
func (e *Engine) mendLoaded() (bool, error) {
	lost, err := partloss.Find(e.layout.data())
	if err != nil {
		return false, fmt.Errorf("engine: %w", err)
	}
	for _, part := range lost {
		if len(part.Tokens) > 0 {
			return false, nil
		}
	}
	return true, e.forget(lost)
}

// forget begins a new epoch if parts are lost. A part without a token is the work of a merge, and what it was merged
// from takes its place; or its token was lost as well.
func (e *Engine) forget(lost []partloss.Part) error {
	if err := e.readEpoch(len(lost) > 0); err != nil { // before a token goes: a crash here only sends more again
		return fmt.Errorf("engine: epoch: %w", err)
	}
	for _, part := range lost {
		e.cfg.Logger.Error("engine: a part is broken and set aside; what is still in the log is sent again",
			"directory", part.Dir, "inserts", len(part.Tokens))
	}
	if err := partloss.Forget(lost); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	return nil
}

// readEpoch reads the epoch, or begins one.
func (e *Engine) readEpoch(anew bool) error {
	raw, err := os.ReadFile(e.layout.epoch())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if anew || len(raw) == 0 {
		raw = []byte(rand.Text())
		if err := writeFileAtomic(e.layout.epoch(), raw, 0o600); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.epoch = string(raw)
	return nil
}

// Sync returns nil when all that inserts had stored before the call, and the Epoch of before it, survives the loss of
// power: ClickHouse leaves that to the system, which takes up to half a minute. It is one syncfs of the file system
// that has the data. After writes that failed it has the new parts read as well; if one is not whole, the engine is
// started again, in a new Epoch, and Sync is an error.
func (e *Engine) Sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	e.syncing.Lock()
	defer e.syncing.Unlock()
	began := time.Now()
	if err := syncFilesystem(e.cfg.DataDir); err != nil {
		return fmt.Errorf("engine: sync: %w", err)
	}
	suspect, err := e.suspect(ctx)
	if err != nil {
		return fmt.Errorf("engine: sync: %w", err)
	}
	if suspect {
		if err := e.checkNewParts(ctx); err != nil {
			return fmt.Errorf("engine: sync: %w", err)
		}
	}
	e.wholeUntil = began
	return nil
}

// syncTimeout bounds the looking after the sync: reading some seconds of inserts, or a start of the engine.
const syncTimeout = 2 * time.Minute

// suspect tells whether a write of this child failed since the last call, or the disk is nearly full.
func (e *Engine) suspect(ctx context.Context) (bool, error) {
	free, err := freeDisk(e.layout.root)
	if err != nil {
		return false, err
	}
	pid := e.PID()
	answer, err := e.query(ctx, "SELECT sum(value) FROM system.errors WHERE name IN ('"+strings.Join(writeErrors, "', '")+"')")
	if err != nil {
		return false, err
	}
	failures, err := strconv.ParseInt(answer, 10, 64)
	if err != nil {
		return false, fmt.Errorf("system.errors: %q: %w", answer, err)
	}
	before := e.failures
	if pid != e.failedPID {
		before = 0
	}
	e.failures, e.failedPID = failures, pid
	return failures > before || free < suspectFree, nil
}

// writeErrors are the names ClickHouse has for a write that failed.
var writeErrors = []string{
	"NOT_ENOUGH_SPACE", "CANNOT_WRITE_TO_FILE_DESCRIPTOR", "CANNOT_FSYNC", "CANNOT_CLOSE_FILE", "CANNOT_OPEN_FILE",
	"CANNOT_TRUNCATE_FILE", "CANNOT_CREATE_DIRECTORY", "STD_EXCEPTION",
}

// suspectFree is how little room makes Sync look at what was written: four times what the engine leaves free.
const suspectFree = 256 << 20

// checkNewParts has the engine read the parts that are new since the last Sync that succeeded.
func (e *Engine) checkNewParts(ctx context.Context) error {
	checked := map[string]bool{}
	for range 10 { // merges replace parts as we look
		parts, err := e.newParts(ctx)
		if err != nil {
			return err
		}
		again := false
		for _, part := range parts {
			if checked[part] {
				continue
			}
			checked[part] = true
			answer, err := e.query(ctx, "CHECK TABLE "+part+" SETTINGS check_query_single_value_result = 1")
			var exception *exceptionError
			switch {
			case errors.As(err, &exception) && exception.code == codeNoSuchPart:
				again = true // what has taken its place is new as well
			case err != nil:
				return err
			case answer != "1":
				return e.replaceChild(ctx, fmt.Errorf("a part is not whole: %s", part))
			}
		}
		if !again {
			return nil
		}
	}
	return errors.New("parts are replaced faster than they can be checked")
}

// newParts lists parts as CHECK TABLE takes them: database.table PART 'name'.
func (e *Engine) newParts(ctx context.Context) ([]string, error) {
	since := e.wholeUntil.Add(-2 * time.Second) // modification times are whole seconds
	answer, err := e.query(ctx, fmt.Sprintf(`SELECT format('`+"`{}`.`{}`"+` PART \'{}\'', database, table, name) FROM system.parts WHERE active `+
		`AND (database = '%s' OR startsWith(database, '%[1]s_')) AND modification_time >= toDateTime(%d) FORMAT TSVRaw`, Database, since.Unix()))
	if err != nil || answer == "" {
		return nil, err
	}
	return strings.Split(answer, "\n"), nil
}

// replaceChild starts the engine again and returns why: as it loads a table it sets aside what is not whole.
func (e *Engine) replaceChild(ctx context.Context, why error) error {
	e.cfg.Logger.Error("engine: starting again to set aside what is not whole", "error", why)
	pid, restarts := e.PID(), e.Restarts()
	if err := killChild(pid); err != nil {
		return fmt.Errorf("%w: %w", why, err)
	}
	for e.Restarts() == restarts || e.State() != Ready {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", why, ctx.Err())
		case <-e.done:
			return why
		case <-time.After(20 * time.Millisecond):
		}
	}
	return why
}
