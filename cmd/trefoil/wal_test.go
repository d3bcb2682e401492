package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/ingest/wal"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// TestWALScripts runs the wal commands on a log with three segments: two that
// wait, the second damaged, and one in quarantine.
func TestWALScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/wal", Deadline: time.Now().Add(time.Minute),
		Setup: func(env *testscript.Env) error { return makeWAL(filepath.Join(env.WorkDir, "data", "wal")) },
	})
}

func makeWAL(dir string) error {
	ctx := context.Background()
	l, err := wal.Open(wal.Config{Dir: dir, SegmentAge: time.Hour})
	if err != nil {
		return err
	}
	for i := range byte(3) {
		for range 2 {
			err := l.Append(ctx, segment.Key{}, []block.Block{
				{Table: "resources", Rows: 1, Native: []byte("resource")},
				{Table: "logs", Rows: 3, Native: []byte("three rows")},
			})
			if err != nil {
				return err
			}
		}
		if err := l.Seal(ctx); err != nil {
			return err
		}
		if i == 0 {
			s, err := l.Next(ctx)
			if err != nil {
				return err
			}
			if err := s.Done("resources"); err != nil {
				return err
			}
			if err := s.Quarantine("code 117: DB::Exception: no such column"); err != nil {
				return err
			}
		}
	}
	if err := l.Close(); err != nil {
		return err
	}
	path := filepath.Join(dir, "0000000000000003.wal")
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[300] ^= 1
	return os.WriteFile(path, b, 0o600)
}
