package segment

import (
	"io"
	"time"
)

// FrameInfo is a frame, or a hole, as Frames shows it.
type FrameInfo struct {
	Kind   string // data, void, keys, seal, done or hole
	Offset int64
	Size   int64
	Time   time.Time
	Key    Key
	More   int // requests that were appended together with that of Key
	Parts  []*Table
	Why    string // of a hole
}

// Frames calls each with the frames of a segment, in order, until it returns an
// error.
func Frames(r io.ReaderAt, size int64, each func(FrameInfo) error) error {
	s, err := newScanner(r, size, true)
	if err != nil {
		return err
	}
	for {
		st, err := s.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(frameInfo(&st)); err != nil {
			return err
		}
	}
}

func frameInfo(st *stretch) FrameInfo {
	i := FrameInfo{Kind: "hole", Offset: st.from, Size: st.to - st.from, Why: st.why}
	if st.hole {
		return i
	}
	f := &st.frame
	i.Kind, i.Time = f.kind.String(), time.Unix(0, f.time)
	if f.kind == kindData {
		i.Key = f.key
	}
	for _, p := range f.parts {
		if f.kind == kindData && p.Table == keysPart {
			i.More = int(p.Length) / len(Key{})
			continue
		}
		i.Parts = append(i.Parts, &Table{Name: p.Table, Rows: int(p.Rows), Bytes: int64(p.Length)})
	}
	return i
}
