package wal

import (
	"fmt"
	"io"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// countingFS counts what the operating system is asked for.
type countingFS struct {
	segment.FS
	mu    sync.Mutex
	syncs int
}

type countingFile struct {
	segment.File
	fs *countingFS
}

func (c *countingFS) Create(name string) (segment.File, error) {
	f, err := c.FS.Create(name)
	if err != nil {
		return nil, err
	}
	return countingFile{f, c}, nil
}

func (c *countingFS) SyncDir(dir string) error {
	c.count()
	return c.FS.SyncDir(dir)
}

func (c *countingFS) count() {
	c.mu.Lock()
	c.syncs++
	c.mu.Unlock()
}

func (f countingFile) Sync() error {
	f.fs.count()
	return f.File.Sync()
}

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAppend appends requests of 50 KB (compressed; some 750 log records)
// on the real disk while a consumer reads segments and removes them. CPU is
// that of the whole process, consumer included.
func BenchmarkAppend(b *testing.B) {
	for _, clients := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			counting := &countingFS{FS: segment.OS()}
			l, err := Open(Config{Dir: b.TempDir(), FS: counting})
			if err != nil {
				b.Fatal(err)
			}
			var consumer sync.WaitGroup
			consumer.Go(func() { drain(b, l) })
			blocks := []block.Block{
				{Table: "logs", Rows: 750, Native: make([]byte, 48_000)},
				{Table: "resources", Rows: 1, Native: make([]byte, 1_500)},
				{Table: "scopes", Rows: 1, Native: make([]byte, 500)},
			}
			work := make(chan struct{}, clients)
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					for range work {
						if err := l.Append(b.Context(), segment.Key{}, blocks); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.SetBytes(50_000)
			b.ReportAllocs()
			b.ResetTimer()
			counting.syncs = 0
			before := cpu()
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-µs/op")
			b.ReportMetric(float64(counting.syncs)/float64(b.N), "fsyncs/op")
			l.Close()
			consumer.Wait()
		})
	}
}

func drain(b *testing.B, l *Log) {
	for {
		s, err := l.Next(b.Context())
		if err != nil {
			return
		}
		for _, t := range s.Tables() {
			if _, err := io.Copy(io.Discard, s.Piece(t).Reader()); err != nil {
				b.Error(err)
			}
			if err := s.Done(t); err != nil {
				b.Error(err)
			}
		}
		if err := s.Remove(); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkRead opens a sealed segment of 64 MiB, which checks every byte, and
// reads its largest table.
func BenchmarkRead(b *testing.B) {
	l, err := Open(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for range 1_300 {
		err := l.Append(b.Context(), segment.Key{}, []block.Block{
			{Table: "logs", Rows: 750, Native: make([]byte, 48_000)},
			{Table: "resources", Rows: 1, Native: make([]byte, 2_000)},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(1_300 * 48_000)
	b.ResetTimer()
	for range b.N {
		s, err := l.Next(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, s.Piece("logs").Reader()); err != nil {
			b.Fatal(err)
		}
		s.Return()
	}
}
