package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	amalert "github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/nflog/nflogpb"
	amnotify "github.com/prometheus/alertmanager/notify"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Key names a line of the notification log.
type Key struct {
	// Receiver is the receiver's name, its integration and that one's index,
	// as in `team/webhook/0`; Group is the group key.
	Receiver, Group string
}

// Entry is what one receiver knows about one group.
type Entry struct {
	Key Key
	// Sent is the last delivery that is known to have succeeded; its ID is
	// empty when there was none. Its Body is Alertmanager's log entry.
	Sent Delivery
	// Intent is a delivery that was begun and whose outcome is not known, so
	// that the receiver may know of it; its ID is empty when there is none.
	// Its Body is the content.
	Intent Delivery
}

// Delivery is one notification, delivered or meant to be.
type Delivery struct {
	// ID is made of the content and of the delivery before; webhooks get it
	// as the Idempotency-Key.
	ID string
	At time.Time
	// Firing and Resolved are Alertmanager's hashes of alerts, sorted.
	Firing, Resolved []uint64
	Body             []byte
}

// retention is how long Alertmanager remembers a notification at most.
const retention = 120 * time.Hour

// log is Alertmanager's notification log, made durable: every entry is written
// through record before the pipeline goes on. Alertmanager's own snapshots are
// written every 15 minutes, which a crash undoes.
type log struct {
	inner   *nflog.Log
	record  func(context.Context, Entry) error
	timeout time.Duration
	logger  *slog.Logger
	metrics *metrics

	mu      sync.Mutex
	entries map[Key]*line
}

// line is an entry and what is known of its copy in the store. Whoever holds
// the token in turn may read and write it.
type line struct {
	turn  chan struct{}
	entry Entry
	dirty bool
}

func (l *log) line(key Key) *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries[key] == nil {
		l.entries[key] = &line{turn: make(chan struct{}, 1), entry: Entry{Key: key}}
	}
	return l.entries[key]
}

// change changes an entry and writes it. A write that fails is repeated later:
// the page does not wait for it.
func (l *log) change(ctx context.Context, key Key, change func(*Entry)) {
	x := l.line(key)
	x.turn <- struct{}{}
	defer func() { <-x.turn }()
	change(&x.entry)
	l.write(ctx, x)
}

func (l *log) write(ctx context.Context, x *line) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.timeout)
	defer cancel()
	err := l.record(ctx, x.entry)
	x.dirty = err != nil
	if err != nil {
		l.metrics.recordFailures.Inc()
		l.logger.Error("notification log cannot be written; a crash now could repeat the notification",
			"receiver", x.entry.Key.Receiver, "group", x.entry.Key.Group, "err", err)
	}
}

// read answers a copy of an entry, writing it first if the store lacks it.
func (l *log) read(ctx context.Context, key Key) Entry {
	x := l.line(key)
	x.turn <- struct{}{}
	defer func() { <-x.turn }()
	if x.dirty {
		l.write(ctx, x)
	}
	return x.entry
}

// tidy writes what the store lacks and forgets what is long over.
func (l *log) tidy(ctx context.Context) {
	l.mu.Lock()
	keys := make([]Key, 0, len(l.entries))
	for key := range l.entries {
		keys = append(keys, key)
	}
	l.mu.Unlock()
	for _, key := range keys {
		entry := l.read(ctx, key)
		if entry.Intent.ID == "" && time.Since(entry.Sent.At) > retention {
			l.mu.Lock()
			delete(l.entries, key)
			l.mu.Unlock()
		}
	}
	if _, err := l.inner.GC(); err != nil {
		l.logger.Error("notification log cannot be tidied", "err", err)
	}
}

// restore takes the entries of the process before.
func (l *log) restore(entries []Entry) {
	for _, entry := range entries {
		x := l.line(entry.Key)
		x.entry = entry
		if len(entry.Sent.Body) == 0 {
			continue
		}
		if err := l.inner.Merge(entry.Sent.Body); err != nil {
			l.logger.Error("an entry of the notification log cannot be read", "receiver", entry.Key.Receiver, "group", entry.Key.Group, "err", err)
		}
	}
}

func receiverKey(r *nflogpb.Receiver, group string) Key {
	return Key{Receiver: r.GroupName + "/" + r.Integration + "/" + strconv.FormatUint(uint64(r.Idx), 10), Group: group}
}

// Log notes that a receiver has been told. It is Alertmanager's interface, so
// it has no context.
func (l *log) Log(r *nflogpb.Receiver, group string, firing, resolved []uint64, store *nflog.Store, expiry time.Duration) error {
	if err := l.inner.Log(r, group, firing, resolved, store, expiry); err != nil {
		return err
	}
	found, err := l.inner.Query(nflog.QReceiver(r), nflog.QGroupKey(group))
	if err != nil {
		return err
	}
	at := found[0].Timestamp.AsTime()
	var body bytes.Buffer
	if _, err := protodelim.MarshalTo(&body, &nflogpb.MeshEntry{
		Entry: found[0], ExpiresAt: timestamppb.New(at.Add(min(expiry, retention))),
	}); err != nil {
		return err
	}
	l.change(context.Background(), receiverKey(r, group), func(e *Entry) {
		e.Sent = Delivery{ID: e.Intent.ID, At: at, Firing: sorted(firing), Resolved: sorted(resolved), Body: body.Bytes()}
		e.Intent = Delivery{}
	})
	return nil
}

func sorted(list []uint64) []uint64 { return slices.Sorted(slices.Values(list)) }

// owed says what a receiver is still to be told when Alertmanager has nothing
// to say but the outcome of an intent is unknown: it may believe that the
// intent's alerts fire, so it hears of those that do not any more.
func owed(intent *Delivery, firing, resolved []uint64) amnotify.NotifyReason {
	for _, told := range [][]uint64{intent.Firing, intent.Resolved} {
		for _, hash := range told {
			switch {
			case !slices.Contains(resolved, hash):
			case len(firing) == 0:
				return amnotify.ReasonAllAlertsResolved
			default:
				return amnotify.ReasonNewResolvedAlerts
			}
		}
	}
	return amnotify.ReasonDoNotNotify
}

const maxIDBytes = 16

// deliveryID names a notification by its scope, its receiver and group, the
// delivery before it, and each alert's identity, state and times. A process
// that decides the same thing again, after a crash or a failure, comes to the
// same id; a repetition four hours later does not.
func deliveryID(scope string, key Key, before string, alerts []*amalert.Alert) string {
	h := sha256.New()
	for _, text := range []string{scope, key.Receiver, key.Group, before} {
		h.Write(binary.AppendUvarint(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	lines := make([][]byte, 0, len(alerts))
	for _, a := range alerts {
		line := binary.BigEndian.AppendUint64(nil, uint64(a.Fingerprint()))
		line = binary.BigEndian.AppendUint64(line, uint64(a.StartsAt.UnixNano()))
		if a.Resolved() {
			line = binary.BigEndian.AppendUint64(line, uint64(a.EndsAt.UnixNano()))
		}
		lines = append(lines, line)
	}
	slices.SortFunc(lines, slices.Compare[[]byte])
	for _, line := range lines {
		h.Write(binary.AppendUvarint(nil, uint64(len(line))))
		h.Write(line)
	}
	return hex.EncodeToString(h.Sum(nil)[:maxIDBytes])
}

// Query is Alertmanager's interface.
func (l *log) Query(params ...nflog.QueryParam) ([]*nflogpb.Entry, error) {
	return l.inner.Query(params...)
}
