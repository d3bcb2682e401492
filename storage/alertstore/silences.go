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

// Silence is one silence as of UpdatedAt. Data is the caller's own encoding.
type Silence struct {
	ID string
	// ExpiresAt is when the row can go: some days after the silence's end.
	ExpiresAt time.Time
	Data      []byte
	UpdatedAt time.Time
}

// farthest is the latest expiry the table can hold, a DateTime's.
var farthest = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

// PutSilence stores a silence. It returns nil only when it is durable.
func (s *Store) PutSilence(ctx context.Context, t tenant.ID, silence Silence) error {
	var (
		tenants           block.Dict
		ids, data         proto.ColStr
		expires, update   proto.ColInt64
		expiry, updatedAt = silence.ExpiresAt, silence.UpdatedAt
	)
	if expiry.After(farthest) {
		expiry = farthest
	}
	tenants.Append(string(t))
	ids.Append(silence.ID)
	expires.Append(nanos(expiry))
	data.AppendBytes(silence.Data)
	update.Append(nanos(updatedAt))
	token := fmt.Sprintf("%s/silence/%d", t, updatedAt.UnixNano())
	return s.insert(ctx, silencesTable, token, 1, proto.Input{
		{Name: "tenant", Data: &tenants},
		{Name: "id", Data: &ids},
		column("expires_at", &expires),
		{Name: "data", Data: &data},
		column("updated_at", &update),
	})
}

const selectSilences = `SELECT id, expires_at, data, updated_at
FROM alert_silences
WHERE tenant = {tenant:String}
ORDER BY updated_at DESC
LIMIT 1 BY id`

// Silences answers all silences that have not expired.
func (s *Store) Silences(ctx context.Context, t tenant.ID) ([]Silence, error) {
	var out []Silence
	_, err := s.db.Select(ctx, conn.Query{
		Op: "alert silences", SQL: selectSilences, Params: map[string]string{"tenant": string(t)},
	}, func(rows driver.Rows) error {
		var silence Silence
		var data string
		if err := rows.Scan(&silence.ID, &silence.ExpiresAt, &data, &silence.UpdatedAt); err != nil {
			return err
		}
		silence.Data = []byte(data)
		silence.ExpiresAt, silence.UpdatedAt = fromTable(silence.ExpiresAt), fromTable(silence.UpdatedAt)
		s.seen(silence.UpdatedAt)
		out = append(out, silence)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("alertstore: silences: %w", err)
	}
	return out, nil
}
