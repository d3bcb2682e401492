package segment

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// Repair makes the file what the scan found: damage is handed to aside and
// voided, other holes are voided, what a crash tore is cut off, and the seal is
// written if it is not there. What aside fails to keep is not voided. The
// contents are right whether Repair succeeds or not, and found again next time.
func (c *Contents) Repair(f File, aside func(Hole) error) error {
	var errs []error
	missing, sealed := c.Missing(), c.Sealed()
	for _, h := range c.Holes {
		if h.Damage {
			if err := aside(h); err != nil {
				errs = append(errs, err)
				continue // voiding it would lose it
			}
		}
		errs = append(errs, voidHole(f, &c.Header, h, missing))
		missing = 0
	}
	if c.End < c.Size {
		errs = append(errs, f.Truncate(c.End))
	}
	if len(c.Holes) > 0 || !sealed {
		errs = append(errs, f.Sync())
	}
	if !sealed {
		errs = append(errs, c.writeSeal(f))
	}
	return errors.Join(errs...)
}

// writeSeal ends a segment that has no seal.
func (c *Contents) writeSeal(f File) error {
	b := appendSeal(nil, sealOf(c.Header.ID, c.Tables, c.End, c.End), c.Frames)
	if _, err := f.WriteAt(b, c.End); err != nil {
		return err
	}
	c.seal, c.sealed = c.End, c.Frames
	c.End += int64(len(b))
	return nil
}

// voidHole writes void frames over a hole, and the file header if the hole has
// it. lost is how many appends are known to have been in it.
func voidHole(f File, head *Header, h Hole, lost int) error {
	from := h.From
	if from < fileHeaderSize {
		head.Version = Version
		if _, err := f.WriteAt(head.append(nil), 0); err != nil {
			return err
		}
		from = fileHeaderSize
	}
	for from+frameHeaderSize <= h.To {
		n := min(h.To-from, maxFrame/2)
		if rest := h.To - from - n; rest > 0 && rest < frameHeaderSize {
			n -= frameHeaderSize
		}
		v := frame{kind: kindVoid, offset: from, id: head.ID, body: n - frameHeaderSize}
		v.setCount(lost)
		lost = 0
		if _, err := f.WriteAt(v.appendHead(nil), from); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// Mark writes behind the end of a sealed segment that a table is stored. It is
// not synced.
func (c *Contents) Mark(f File, m Mark, now time.Time) error {
	if !c.Sealed() {
		return errors.New("the segment has no seal on disk")
	}
	mark := frame{
		kind: kindDone, parts: []part{{Table: m.Table}}, offset: c.End, synced: c.seal,
		id: c.Header.ID, key: m.Boot, body: trailerSize, time: now.UnixNano(),
	}
	b := mark.appendHead(nil)
	b = appendTrailer(b, c.End+int64(len(b))+trailerSize-c.seal)
	if _, err := f.WriteAt(b, c.End); err != nil {
		return fmt.Errorf("mark: %w", err)
	}
	c.End += int64(len(b))
	return nil
}

// Blank tells whether a file has nothing but zeros in it: its size was on disk
// before its data.
func Blank(r io.ReaderAt, size int64) (bool, error) {
	w := window{r: r, size: size}
	for off := int64(0); off < size; off += windowSize {
		b, err := w.bytes(off, windowSize)
		if err != nil {
			return false, err
		}
		for _, c := range b {
			if c != 0 {
				return false, nil
			}
		}
	}
	return true, nil
}
