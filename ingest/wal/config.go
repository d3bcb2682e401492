package wal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/ingest/segment"
)

// Config is what a Log needs. Dir is required.
type Config struct {
	// Dir holds the segments. One process at a time may have it open.
	Dir string
	// MaxBytes bounds the files of the log, quarantine aside (default 4 GiB);
	// the header and the seal of a segment may come on top.
	MaxBytes int64
	// QueueBytes bounds what waits in memory for the disk (default 64 MiB).
	QueueBytes int64
	// A segment is sealed when it has SegmentBytes (default 64 MiB), when one
	// of its tables has SegmentRows (default 500,000, which leaves room for
	// the last commit under the million rows ClickHouse takes as one block),
	// or, provided no other sealed segment waits to be taken, SegmentAge after
	// its first append (default 1 s). So parts are small only while the
	// consumer keeps up.
	SegmentBytes int64
	SegmentRows  int
	SegmentAge   time.Duration
	// Keys is how many keys of recent appends are remembered (default 65,536,
	// about 5 MB).
	Keys int
	// Probe is the pause after the disk was found full before it is tried
	// again (default 500 ms).
	Probe time.Duration
	// Requeued is how often the requeue directory is looked at (default 5 s).
	Requeued time.Duration
	// Settle makes all that the consumer has stored so far survive the loss of
	// power; it is called before segments are deleted. Nil means that what is
	// stored is durable, and segments are deleted at once.
	Settle func(context.Context) error
	// SettlePause is how long stored segments wait for others, so that one
	// Settle serves all (default 5 s; a tenth while half the budget is used).
	SettlePause time.Duration
	// Epoch names the time since the storage may last have lost what it had
	// acked; segments that were stored in an earlier one are sent again. Nil
	// means that it loses nothing while the machine is up.
	Epoch func() string
	// Boot tells times between two starts of the machine apart (default the
	// system's own; zero where there is none).
	Boot       segment.Key
	FS         segment.FS // default segment.OS()
	Logger     *slog.Logger
	Registerer prometheus.Registerer // may be nil
	Now        func() time.Time
}

func (c *Config) setDefaults() error {
	if c.Dir == "" {
		return errors.New("wal: no directory given")
	}
	setDefault(&c.MaxBytes, 4<<30)
	setDefault(&c.QueueBytes, 64<<20)
	setDefault(&c.SegmentBytes, 64<<20)
	setDefault(&c.SegmentRows, 500_000)
	setDefault(&c.SegmentAge, time.Second)
	setDefault(&c.Keys, 65_536)
	setDefault(&c.Probe, 500*time.Millisecond)
	setDefault(&c.Requeued, 5*time.Second)
	setDefault(&c.SettlePause, 5*time.Second)
	if c.Boot == (segment.Key{}) {
		c.Boot = systemBoot()
	}
	c.SegmentBytes = min(c.SegmentBytes, segment.MaxBytes)
	if c.FS == nil {
		c.FS = segment.OS()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

func setDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
