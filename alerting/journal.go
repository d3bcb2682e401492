package alerting

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/trefoil-o11y/trefoil/storage/alertstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

const (
	// maxUnwritten bounds the history that waits for a store that is away.
	maxUnwritten = 100_000
	// journalPause is how long the store is left alone after a failure.
	journalPause = 5 * time.Second
)

// journal writes state and history, and keeps what could not be written. Many
// groups append at once: whoever writes next takes along what all of them have
// brought, in one insert.
type journal struct {
	store   *alertstore.Store // nil: nothing is written
	tenant  tenant.ID
	timeout time.Duration
	log     *slog.Logger
	metrics *metrics

	writing sync.Mutex // held for the inserts

	mu sync.Mutex // held for a moment
	// instances are the newest states not written yet.
	instances map[instanceKey]alertstore.Instance
	fresh     []alertstore.Event
	waiting   int
	resumeAt  time.Time

	// frozen are batches of history an insert was tried with; they keep their
	// token, since that insert may have succeeded. Only under writing.
	frozen []historyBatch
}

type instanceKey struct{ rule, fingerprint uint64 }

type historyBatch struct {
	token  string
	events []alertstore.Event
}

// append writes state and history. On return they are stored, unless the
// store is away; then they are kept and written by a later call.
func (j *journal) append(ctx context.Context, instances []alertstore.Instance, events []alertstore.Event) {
	if j.store == nil || len(instances) == 0 && len(events) == 0 {
		return
	}
	j.mu.Lock()
	for _, in := range instances {
		in.UpdatedAt = j.store.Stamp()
		j.put(in)
	}
	lost := max(0, j.waiting+len(events)-maxUnwritten)
	lost = min(lost, len(events))
	kept := events[:len(events)-lost]
	j.fresh = append(j.fresh, kept...)
	j.waiting += len(kept)
	away := time.Now().Before(j.resumeAt)
	j.mu.Unlock()
	if lost > 0 {
		j.metrics.historyLost.Add(float64(lost))
		j.log.Error("alert history is lost: the store is away too long", "events", lost)
	}
	if !away {
		j.flush(ctx)
	}
}

// forget drops what is not written: another process goes on with the state.
func (j *journal) forget() {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.instances, j.fresh, j.frozen, j.waiting, j.resumeAt = nil, nil, nil, 0, time.Time{}
}

func (j *journal) put(in alertstore.Instance) {
	if j.instances == nil {
		j.instances = map[instanceKey]alertstore.Instance{}
	}
	j.instances[instanceKey{in.RuleID, in.Fingerprint}] = in
}

// flush writes all that waits.
func (j *journal) flush(ctx context.Context) {
	if j.store == nil {
		return
	}
	j.writing.Lock()
	defer j.writing.Unlock()
	instances := j.take()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.timeout)
	defer cancel()
	err := j.writeInstances(ctx, instances)
	for err == nil && len(j.frozen) > 0 {
		batch := j.frozen[0]
		if err = j.store.AppendHistory(ctx, j.tenant, batch.token, batch.events); err == nil {
			j.frozen = j.frozen[1:]
			j.mu.Lock()
			j.waiting -= len(batch.events)
			j.mu.Unlock()
		}
	}
	if err == nil {
		return
	}
	j.metrics.storeFailures.Inc()
	j.log.Error("alert state is not stored; alerting goes on in memory", "err", err)
	j.mu.Lock()
	j.resumeAt = time.Now().Add(journalPause)
	j.mu.Unlock()
}

// take answers the states to write and freezes the new history.
func (j *journal) take() []alertstore.Instance {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.fresh) > 0 {
		token := fmt.Sprintf("%s/history/%d", j.tenant, j.store.Stamp().UnixNano())
		j.frozen = append(j.frozen, historyBatch{token, j.fresh})
		j.fresh = nil
	}
	instances := slices.Collect(maps.Values(j.instances))
	j.instances = nil
	return instances
}

func (j *journal) writeInstances(ctx context.Context, rows []alertstore.Instance) error {
	if len(rows) == 0 {
		return nil
	}
	token := fmt.Sprintf("%s/instances/%d", j.tenant, j.store.Stamp().UnixNano())
	err := j.store.PutInstances(ctx, j.tenant, token, rows)
	if err == nil {
		return nil
	}
	// Back they go, but for those that have a newer state by now.
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, in := range rows {
		if newer, ok := j.instances[instanceKey{in.RuleID, in.Fingerprint}]; !ok || newer.UpdatedAt.Before(in.UpdatedAt) {
			j.put(in)
		}
	}
	return err
}
