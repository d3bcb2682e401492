package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/ingest/walinspect"
)

// closedLog is a log with one segment of appends 0 to n-1. Without a seal it is
// as a killed process left it.
func closedLog(t *testing.T, n uint32, sealed bool) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	l := open(t, Config{Dir: dir})
	for id := range n {
		appendAll(t, l, id)
	}
	l.Close()
	path = filepath.Join(dir, segment.Name(1))
	if !sealed {
		end := int64(0)
		walinspect.Dump(segment.OS(), path, func(f segment.FrameInfo) error {
			if f.Kind == "seal" {
				end = f.Offset
			}
			return nil
		})
		if err := os.Truncate(path, end); err != nil {
			t.Fatal(err)
		}
	}
	return dir, path
}

// frameOf is where the frame of append id is.
func frameOf(t *testing.T, path string, id int) (off, size int64) {
	t.Helper()
	err := walinspect.Dump(segment.OS(), path, func(f segment.FrameInfo) error {
		if f.Kind == "data" {
			if id == 0 {
				off, size = f.Offset, f.Size
			}
			id--
		}
		return nil
	})
	if err != nil || size == 0 {
		t.Fatalf("frame not found: %v", err)
	}
	return off, size
}

func flip(t *testing.T, path string, off int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[off] ^= 0x40
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamage damages one thing in a segment of five appends, with and without
// its seal, and expects the others to be handed out and the damage aside.
func TestDamage(t *testing.T) {
	for name, where := range map[string]func(off, size int64) int64{
		"magic":     func(off, _ int64) int64 { return off },
		"length":    func(off, _ int64) int64 { return off + 12 },
		"checksum":  func(off, _ int64) int64 { return off + 72 },
		"directory": func(off, _ int64) int64 { return off + 76 + 3 },
		"body":      func(off, size int64) int64 { return off + size - 1 },
	} {
		for _, sealed := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				dir, path := closedLog(t, 5, sealed)
				off, size := frameOf(t, path, 2)
				before, _ := os.ReadFile(path)
				flip(t, path, where(off, size))
				if r, err := walinspect.Verify(segment.OS(), path); err != nil || r.Sound() || len(r.Damage) == 0 {
					t.Errorf("verify: %+v, %v", r, err)
				}
				l := open(t, Config{Dir: dir})
				s := next(t, l)
				wantAppends(t, s.Piece("logs"), 0, 1, 3, 4)
				wantAppends(t, s.Piece("spans"), 0, 1, 3, 4)
				if n := counted(t, l.metrics.corrupt); n < 1 {
					t.Errorf("counted %v corruptions", n)
				}
				aside := files(t, filepath.Join(dir, segment.QuarantineDir))
				if len(aside) != 2 || !strings.HasSuffix(aside[0], ".corrupt") || !strings.HasSuffix(aside[1], ".corrupt.reason") {
					t.Fatalf("quarantine has %q", aside)
				}
				b, _ := os.ReadFile(filepath.Join(dir, segment.QuarantineDir, aside[0]))
				want := slices.Clone(before[off : off+size])
				want[where(off, size)-off] ^= 0x40
				if !bytes.Equal(b, want) {
					t.Errorf("%d bytes set aside, want the %d of the frame", len(b), size)
				}
				// The segment itself is sound again.
				s.Return()
				if r, err := walinspect.Verify(segment.OS(), path); err != nil || !r.Sound() {
					t.Errorf("verify after repair: %+v, %v", r, err)
				}
			})
		}
	}
}

func TestDamagedFileHeader(t *testing.T) {
	dir, path := closedLog(t, 3, true)
	info, err := walinspect.Describe(segment.OS(), path)
	if err != nil {
		t.Fatal(err)
	}
	flip(t, path, 10)
	s := next(t, open(t, Config{Dir: dir}))
	wantAppends(t, s.Piece("logs"), 0, 1, 2)
	if s.ID() != info.ID {
		t.Errorf("ID %s, was %s", s.ID(), info.ID)
	}
}

// A segment cut off anywhere gives the appends before the cut.
func TestTornTail(t *testing.T) {
	_, path := closedLog(t, 4, true)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var ends []int64
	for id := range 4 {
		off, size := frameOf(t, path, id)
		ends = append(ends, off+size)
	}
	for cut := int64(0); cut < int64(len(whole)); cut += 7 {
		m := newFaultFS(1)
		m.names[filepath.Join("wal", segment.Name(1))] = &inode{data: slices.Clone(whole[:cut])}
		l := open(t, Config{Dir: "wal", FS: m})
		want := 0
		for _, end := range ends {
			if cut >= end {
				want++
			}
		}
		if want == 0 {
			if n := l.Stats().Segments; n != 0 {
				t.Errorf("cut at %d: %d segments", cut, n)
			}
		} else {
			wantAppends(t, next(t, l).Piece("logs"), ids(want)...)
		}
		if n := counted(t, l.metrics.corrupt); n != 0 {
			t.Errorf("cut at %d: a torn tail was taken for damage", cut)
		}
		l.Close()
	}
}

// headerOf is the header of a segment of a version of the format, as drawn in
// package segment.
func headerOf(t *testing.T, version uint16) []byte {
	t.Helper()
	_, path := closedLog(t, 1, true)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = b[:36]
	binary.LittleEndian.PutUint16(b[4:], version)
	binary.LittleEndian.PutUint32(b[32:], crc32.Checksum(b[:32], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func TestForeignFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newer := headerOf(t, 2)
	write(segment.Name(1), nil)
	write(segment.Name(2), make([]byte, 1_000))
	write(segment.Name(3), bytes.Repeat([]byte("garbage"), 100))
	write(segment.Name(4), newer)
	write("notes.txt", []byte("mine"))
	if err := os.Mkdir(filepath.Join(dir, segment.Name(9)), 0o700); err != nil {
		t.Fatal(err)
	}
	l := open(t, Config{Dir: dir})
	for id := range uint32(6) {
		appendAll(t, l, id)
		s := sealNow(t, l)
		wantAppends(t, s.Piece("logs"), id)
		s.Quarantine("test")
	}
	for _, name := range []string{"notes.txt", segment.Name(4)} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{segment.Name(1), segment.Name(2), segment.Name(3)} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, segment.QuarantineDir, segment.Name(3)+".corrupt")); err != nil {
		t.Error(err)
	}
}

func TestQuarantineAndRequeue(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{Dir: dir, Requeued: time.Millisecond})
	appendAll(t, l, 1, 2)
	s := sealNow(t, l)
	token := s.Piece("spans").Token
	if err := errors.Join(s.Done("logs"), s.Quarantine("code 117: no such column")); err != nil {
		t.Fatal(err)
	}
	if st := l.Stats(); st.Bytes != 0 || st.Segments != 0 {
		t.Errorf("%+v", st)
	}
	list, err := walinspect.List(segment.OS(), dir)
	if err != nil || len(list) != 1 || list[0].State != walinspect.StateQuarantined || !strings.Contains(list[0].Reason, "no such column") {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := walinspect.Requeue(segment.OS(), dir, "../"+filepath.Base(list[0].Path)); err == nil {
		t.Error("a path out of the directory was taken")
	}
	if err := walinspect.Requeue(segment.OS(), dir, filepath.Base(list[0].Path)); err != nil {
		t.Fatal(err)
	}
	s = next(t, l) // the running log took it in
	if got := s.Tables(); !slices.Equal(got, []string{"spans"}) {
		t.Errorf("tables %q", got)
	}
	if got := s.Piece("spans").Token; got != token {
		t.Errorf("token %s, was %s", got, token)
	}
	if left := files(t, filepath.Join(dir, segment.QuarantineDir)); len(left) > 0 {
		t.Errorf("quarantine still has %q", left)
	}
}

// One append's rows are rejected: halving finds them, and only they are set
// aside.
func TestHalves(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Config{Dir: dir, Requeued: time.Millisecond})
	appendAll(t, l, 10, 11, 12, 13, 14)
	s := sealNow(t, l)
	var stored []uint32
	tokens := map[string]bool{}
	var send func(p Piece) error
	send = func(p Piece) error {
		if tokens[p.Token] {
			t.Errorf("token %s came twice", p.Token)
		}
		tokens[p.Token] = true
		ids := appends(t, p)
		if !slices.Contains(ids, 12) {
			stored = append(stored, ids...)
			return nil
		}
		if a, b, ok := p.Halves(); ok {
			if a.Rows+b.Rows != p.Rows || a.Bytes+b.Bytes != p.Bytes {
				t.Errorf("%+v and %+v do not make %+v", a, b, p)
			}
			return errors.Join(send(a), send(b))
		}
		return errors.Join(p.Quarantine("rejected"), p.Quarantine("rejected again"))
	}
	if err := errors.Join(send(s.Piece("logs")), s.Done("logs"), s.Done("spans"), s.Remove()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(stored, []uint32{10, 11, 13, 14}) {
		t.Errorf("stored %v", stored)
	}
	list, err := walinspect.List(segment.OS(), dir)
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if r, err := walinspect.Verify(segment.OS(), list[0].Path); err != nil || !r.Sound() {
		t.Errorf("%+v, %v", r, err)
	}
	if err := walinspect.Requeue(segment.OS(), dir, filepath.Base(list[0].Path)); err != nil {
		t.Fatal(err)
	}
	s = next(t, l)
	wantAppends(t, s.Piece("logs"), 12)
	if got := s.Tables(); !slices.Equal(got, []string{"logs"}) {
		t.Errorf("tables %q", got)
	}
}
