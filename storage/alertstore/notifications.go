package alertstore

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/trefoil-o11y/trefoil/storage/block"
	"github.com/trefoil-o11y/trefoil/storage/conn"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// Delivery is one notification; the zero value is none.
type Delivery struct {
	ID               string
	At               time.Time
	Firing, Resolved []uint64 // fingerprints
	Body             []byte   // as sent
}

// Notification is what one receiver was told about one group of alerts, and
// what it was about to be told, as of UpdatedAt.
type Notification struct {
	Receiver, GroupKey string
	Sent, Intent       Delivery
	UpdatedAt          time.Time
}

// deliveries are the columns of one of the two deliveries.
type deliveries struct {
	ids, bodies      proto.ColStr
	at               proto.ColInt64
	firing, resolved *proto.ColArr[uint64]
}

func newDeliveries() *deliveries {
	return &deliveries{
		firing:   proto.NewArray[uint64](new(proto.ColUInt64)),
		resolved: proto.NewArray[uint64](new(proto.ColUInt64)),
	}
}

func (c *deliveries) append(d *Delivery) {
	c.ids.Append(d.ID)
	c.at.Append(nanos(d.At))
	c.firing.Append(d.Firing)
	c.resolved.Append(d.Resolved)
	c.bodies.AppendBytes(d.Body)
}

func (c *deliveries) columns(prefix string) []proto.InputColumn {
	return []proto.InputColumn{
		{Name: prefix + "_id", Data: &c.ids},
		column(prefix+"_at", &c.at),
		{Name: prefix + "_firing", Data: c.firing},
		{Name: prefix + "_resolved", Data: c.resolved},
		{Name: prefix + "_body", Data: &c.bodies},
	}
}

// PutNotification stores an entry of the notification log. It returns nil only
// when the entry is durable.
func (s *Store) PutNotification(ctx context.Context, t tenant.ID, n Notification) error {
	var (
		tenants, receivers block.Dict
		days               proto.ColUInt16
		keys               proto.ColStr
		sent, intent       = newDeliveries(), newDeliveries()
		update             proto.ColInt64
	)
	tenants.Append(string(t))
	days.Append(s.days)
	receivers.Append(n.Receiver)
	keys.Append(n.GroupKey)
	sent.append(&n.Sent)
	intent.append(&n.Intent)
	update.Append(nanos(n.UpdatedAt))
	input := proto.Input{
		{Name: "tenant", Data: &tenants},
		{Name: "retention_days", Data: &days},
		{Name: "receiver", Data: &receivers},
		{Name: "group_key", Data: &keys},
	}
	input = append(input, sent.columns("sent")...)
	input = append(input, intent.columns("intent")...)
	input = append(input, column("updated_at", &update))
	token := fmt.Sprintf("%s/notification/%d", t, n.UpdatedAt.UnixNano())
	return s.insert(ctx, notificationsTable, token, 1, input)
}

const selectNotifications = `SELECT receiver, group_key, sent_id, sent_at, sent_firing, sent_resolved, sent_body,
  intent_id, intent_at, intent_firing, intent_resolved, intent_body, updated_at
FROM alert_notifications
WHERE tenant = {tenant:String}
ORDER BY updated_at DESC
LIMIT 1 BY receiver, group_key`

// Notifications answers the notification log: one entry for each receiver and
// group.
func (s *Store) Notifications(ctx context.Context, t tenant.ID) ([]Notification, error) {
	var out []Notification
	_, err := s.db.Select(ctx, conn.Query{
		Op: "alert notifications", SQL: selectNotifications, Params: map[string]string{"tenant": string(t)},
	}, func(rows driver.Rows) error {
		var n Notification
		var sent, intent string
		if err := rows.Scan(&n.Receiver, &n.GroupKey,
			&n.Sent.ID, &n.Sent.At, &n.Sent.Firing, &n.Sent.Resolved, &sent,
			&n.Intent.ID, &n.Intent.At, &n.Intent.Firing, &n.Intent.Resolved, &intent, &n.UpdatedAt); err != nil {
			return err
		}
		n.Sent.At, n.Intent.At = fromTable(n.Sent.At), fromTable(n.Intent.At)
		n.Sent.Body, n.Intent.Body = []byte(sent), []byte(intent)
		n.UpdatedAt = fromTable(n.UpdatedAt)
		s.seen(n.UpdatedAt)
		out = append(out, n)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("alertstore: notifications: %w", err)
	}
	return out, nil
}
