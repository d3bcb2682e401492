package segment

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
)

// Directories below that of the log.
const (
	QuarantineDir = "quarantine" // what is set aside, each with a .reason
	RequeueDir    = "requeue"    // what the log shall take in again
)

// File names: 0000000000000042.wal in the log itself, where the number gives
// the order; in quarantine and requeue any name with .wal.
const (
	Suffix        = ".wal"
	CorruptSuffix = ".corrupt" // of bytes cut out of a segment
)

// Name is the name of a segment in the log.
func Name(seq uint64) string { return fmt.Sprintf("%016d%s", seq, Suffix) }

// ParseName is the number in a segment's name.
func ParseName(name string) (seq uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, Suffix)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	seq, err := strconv.ParseUint(digits, 10, 63)
	return seq, err == nil
}

// QuarantineName keeps the segment's place in the order and its identity.
func QuarantineName(seq uint64, id ID) string {
	return fmt.Sprintf("%016d-%.8s%s", seq, id, Suffix)
}

// PieceID is the identity of a piece that was cut out of a segment. It is
// made of the piece's token, so that cutting it out twice makes one file.
func PieceID(token string) ID {
	sum := sha256.Sum256([]byte(token))
	return ID(sum[:16])
}

// ReasonName is the file beside a file in quarantine that says why it is there.
func ReasonName(name string) string { return strings.TrimSuffix(name, Suffix) + ".reason" }
