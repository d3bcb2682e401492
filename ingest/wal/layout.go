package wal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// Directories below Config.Dir.
const (
	quarantineDir = "quarantine" // what is set aside, each with a .reason
	requeueDir    = "requeue"    // what the log shall take in again
)

// File names: 0000000000000042.wal in the log itself, where the number gives
// the order; in quarantine and requeue any name with .wal.
const segmentSuffix = ".wal"

func segmentName(seq uint64) string { return fmt.Sprintf("%016d%s", seq, segmentSuffix) }

func parseSegmentName(name string) (seq uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	seq, err := strconv.ParseUint(digits, 10, 63)
	return seq, err == nil
}

// quarantineName keeps the segment's place in the order and its identity.
func quarantineName(seq uint64, id ID) string {
	return fmt.Sprintf("%016d-%.8s%s", seq, id, segmentSuffix)
}

// pieceID is the identity of a piece that was cut out of a segment. It is
// made of the piece's token, so that cutting it out twice makes one file.
func pieceID(token string) ID {
	sum := sha256.Sum256([]byte(token))
	return ID(sum[:16])
}

// writeNew writes a whole small file and makes it durable.
func writeNew(fsys FS, name string, content []byte) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		fsys.Remove(name) // half of it is worth nothing
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}

// readAll is the content of a small file.
func readAll(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name, false)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	w := window{r: f, size: size}
	return w.bytes(0, int(min(size, 64<<10)))
}
