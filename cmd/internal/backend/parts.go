package backend

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// watchParts measures how many parts the tables have: as many as merges leave,
// unless inserts are too small or merges do not keep up. It asks in the
// background, since a scrape must be answered at once.
func watchParts(ctx context.Context, db *conn.DB, reg prometheus.Registerer) {
	const every, patience = 10 * time.Second, 5 * time.Second
	var last atomic.Pointer[conn.Parts]
	last.Store(&conn.Parts{})
	gauge := func(name, help string, of func(*conn.Parts) uint64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(of(last.Load())) })
	}
	reg.MustRegister(
		gauge("trefoil_clickhouse_parts", "Active parts of all tables.", func(p *conn.Parts) uint64 { return p.Active }),
		gauge("trefoil_clickhouse_partition_parts", "Active parts of the partition that has the most.", func(p *conn.Parts) uint64 { return p.Most }),
	)
	for {
		asking, cancel := context.WithTimeout(ctx, patience)
		if p, err := db.Parts(asking); err == nil {
			last.Store(&p)
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}
