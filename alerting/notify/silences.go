package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/alertmanager/silence/silencepb"
	"google.golang.org/protobuf/encoding/protodelim"
)

// Silence is one silence as it is stored.
type Silence struct {
	ID string
	// ExpiresAt is when it can be forgotten: long after it has ended.
	ExpiresAt time.Time
	// Data is Alertmanager's entry.
	Data []byte
}

// silenceBook keeps the silences that are not stored yet. Alertmanager hands
// every change over while it holds its lock, so it is noted there and written
// afterwards.
type silenceBook struct {
	record  func(context.Context, Silence) error
	timeout time.Duration
	log     *slog.Logger
	turn    chan struct{} // one writes at a time, so that the newest comes last

	mu      sync.Mutex
	pending map[string]Silence
}

// note takes a change.
func (b *silenceBook) note(entry []byte) {
	var s silencepb.MeshSilence
	if err := protodelim.UnmarshalFrom(bytes.NewReader(entry), &s); err != nil || s.Silence == nil {
		b.log.Error("a silence cannot be stored", "err", errors.Join(err, errors.New("not an entry of Alertmanager's")))
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending[s.Silence.Id] = Silence{ID: s.Silence.Id, ExpiresAt: s.ExpiresAt.AsTime(), Data: bytes.Clone(entry)}
}

// flush stores what is pending.
func (b *silenceBook) flush(ctx context.Context) error {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	b.mu.Lock()
	todo := b.pending
	b.pending = map[string]Silence{}
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.timeout)
	defer cancel()
	var failed error
	for id, s := range todo {
		err := b.record(ctx, s)
		if err == nil {
			continue
		}
		failed = fmt.Errorf("silence %s: %w", id, err)
		b.mu.Lock()
		if _, newer := b.pending[id]; !newer {
			b.pending[id] = s
		}
		b.mu.Unlock()
	}
	return failed
}

// Silences are those in force. What is changed there is stored by the next
// StoreSilences, or soon. An error: those of the process before are not restored
// yet.
func (a *Alertmanager) Silences() (*silence.Silences, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.running {
		return nil, errors.New(notRestored)
	}
	return a.silences, nil
}

// notRestored is why nothing can be changed yet.
const notRestored = "the state is not restored yet"

// StoreSilences stores the silences that have changed.
func (a *Alertmanager) StoreSilences(ctx context.Context) error { return a.book.flush(ctx) }
