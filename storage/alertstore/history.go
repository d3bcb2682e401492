package alertstore

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Kind says what happened.
type Kind uint8

// The kinds; the numbers are the table's.
const (
	BecamePending Kind = 1
	BeganFiring   Kind = 2
	WasResolved   Kind = 3
	WasDropped    Kind = 4 // pending, and gone before it fired
	WasNotified   Kind = 5 // a receiver has accepted a notification
)

// Event is one line of the history. Receiver, GroupKey and NotificationID are
// set on WasNotified only, which has no rule, labels and value.
type Event struct {
	Time        time.Time
	Kind        Kind
	RuleID      uint64
	Fingerprint uint64
	Group       string
	Alert       string
	Value       float64
	Labels      map[string]string
	Annotations map[string]string

	Receiver, GroupKey, NotificationID string
}

// AppendHistory adds events. Repeating it with the same token and events adds
// nothing.
func (s *Store) AppendHistory(ctx context.Context, t tenant.ID, token string, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	var (
		tenants, groups, alerts, receivers block.Dict
		days                               proto.ColUInt16
		at                                 proto.ColInt64
		kinds                              proto.ColEnum8
		rules, fingerprints                proto.ColUInt64
		values                             proto.ColFloat64
		labels, notes                      = stringMap(), stringMap()
		keys, ids                          proto.ColStr
	)
	for i := range events {
		e := &events[i]
		tenants.Append(string(t))
		days.Append(s.days)
		at.Append(nanos(e.Time))
		kinds.Append(proto.Enum8(e.Kind))
		rules.Append(e.RuleID)
		fingerprints.Append(e.Fingerprint)
		groups.Append(e.Group)
		alerts.Append(e.Alert)
		values.Append(e.Value)
		labels.Append(e.Labels)
		notes.Append(e.Annotations)
		receivers.Append(e.Receiver)
		keys.Append(e.GroupKey)
		ids.Append(e.NotificationID)
	}
	const eventType = "Enum8('pending' = 1, 'firing' = 2, 'resolved' = 3, 'dropped' = 4, 'notified' = 5)"
	return s.insert(ctx, historyTable, token, len(events), proto.Input{
		{Name: "tenant", Data: &tenants},
		{Name: "retention_days", Data: &days},
		column("time", &at),
		{Name: "event", Data: block.Typed(&kinds, eventType)},
		{Name: "rule_id", Data: &rules},
		{Name: "fingerprint", Data: &fingerprints},
		{Name: "group_name", Data: &groups},
		{Name: "alert", Data: &alerts},
		{Name: "value", Data: &values},
		{Name: "labels", Data: labels},
		{Name: "annotations", Data: notes},
		{Name: "receiver", Data: &receivers},
		{Name: "group_key", Data: &keys},
		{Name: "notification_id", Data: &ids},
	})
}

const selectHistory = `SELECT time, CAST(event, 'Int8'), rule_id, fingerprint, group_name, alert, value, labels, annotations,
  receiver, group_key, notification_id
FROM alert_history
WHERE tenant = {tenant:String}
  AND ({alert:String} = '' OR alert = {alert:String})
  AND ({event:Int8} = 0 OR CAST(event, 'Int8') = {event:Int8})
  AND time >= fromUnixTimestamp64Nano({from:Int64}) AND time < fromUnixTimestamp64Nano({to:Int64})
ORDER BY time DESC, fingerprint
LIMIT {limit:UInt64}`

// HistoryQuery says which events are wanted: those in [From, To), at most
// Limit, of one alert and of one kind unless these are zero.
type HistoryQuery struct {
	From, To time.Time
	Limit    int
	Alert    string
	Kind     Kind
}

// History answers events, the latest first.
func (s *Store) History(ctx context.Context, t tenant.ID, q HistoryQuery) ([]Event, error) {
	var out []Event
	_, err := s.db.Select(ctx, conn.Query{
		Op: "alert history", SQL: selectHistory,
		Params: map[string]string{
			"tenant": string(t),
			"from":   strconv.FormatInt(q.From.UnixNano(), 10),
			"to":     strconv.FormatInt(q.To.UnixNano(), 10),
			"limit":  strconv.Itoa(max(q.Limit, 0)),
			"alert":  q.Alert,
			"event":  strconv.Itoa(int(q.Kind)),
		},
	}, func(rows driver.Rows) error {
		var e Event
		var kind int8
		if err := rows.Scan(&e.Time, &kind, &e.RuleID, &e.Fingerprint, &e.Group, &e.Alert, &e.Value,
			&e.Labels, &e.Annotations, &e.Receiver, &e.GroupKey, &e.NotificationID); err != nil {
			return err
		}
		e.Time, e.Kind = fromTable(e.Time), Kind(kind)
		out = append(out, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("alertstore: history: %w", err)
	}
	return out, nil
}
