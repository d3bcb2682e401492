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

// Lease says who evaluates a tenant's rules.
type Lease struct {
	// Turn grows by one with each claim; 0 is no lease at all.
	Turn uint64
	// Holder is a process; empty when the last one gave the lease back.
	Holder string
	// URL is where other processes reach the holder.
	URL string
	// ClaimedAt is by the holder's clock, for people.
	ClaimedAt time.Time
}

// Claim puts a lease unless there is one of its turn or a later one, and
// answers the lease that counts afterwards. It is the claimant's only if turn
// and holder are. It rests on the token: of all inserts of a turn the server
// keeps the first. An error leaves the outcome unknown.
func (s *Store) Claim(ctx context.Context, t tenant.ID, l Lease) (Lease, error) {
	var (
		tenants      block.Dict
		turns        proto.ColUInt64
		holders, url proto.ColStr
		at           proto.ColInt64
	)
	tenants.Append(string(t))
	turns.Append(l.Turn)
	holders.Append(l.Holder)
	url.Append(l.URL)
	at.Append(nanos(l.ClaimedAt))
	if err := s.insert(ctx, leasesTable, fmt.Sprintf("%s/lease/%d", t, l.Turn), 1, proto.Input{
		{Name: "tenant", Data: &tenants},
		{Name: "turn", Data: &turns},
		{Name: "holder", Data: &holders},
		{Name: "url", Data: &url},
		column("claimed_at", &at),
	}); err != nil {
		return Lease{}, err
	}
	return s.Lease(ctx, t)
}

const selectLease = `SELECT turn, holder, url, claimed_at
FROM alert_leases
WHERE tenant = {tenant:String}
ORDER BY turn DESC
LIMIT 1`

// Lease answers the lease that counts; the zero Lease if there never was one.
func (s *Store) Lease(ctx context.Context, t tenant.ID) (l Lease, err error) {
	_, err = s.db.Select(ctx, conn.Query{
		Op: "alert lease", SQL: selectLease, Params: map[string]string{"tenant": string(t)},
	}, func(rows driver.Rows) error {
		if err := rows.Scan(&l.Turn, &l.Holder, &l.URL, &l.ClaimedAt); err != nil {
			return err
		}
		l.ClaimedAt = fromTable(l.ClaimedAt)
		return nil
	})
	if err != nil {
		return Lease{}, fmt.Errorf("alertstore: lease: %w", err)
	}
	return l, nil
}
