package conn

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
)

// Columns is Select for bulk reads: the result comes block by block in columns,
// which each finds filled and which the next block overwrites. Nothing is
// compressed on the way, since that costs both ends more than the way does. Every
// read has a connection to itself, which waits a while for the next one.
func (db *DB) Columns(ctx context.Context, q Query, columns proto.Results, each func() error) (Stats, error) {
	op := q.Op
	if op == "" {
		op = "select"
	}
	start := time.Now()
	var stats Stats
	err := db.readColumns(ctx, q, op, &stats, columns, each)
	stats.Elapsed = time.Since(start)
	db.metrics.selected(op, stats, err)
	traced(ctx, op, q.SQL, stats)
	return stats, err
}

func (db *DB) readColumns(ctx context.Context, q Query, op string, stats *Stats, columns proto.Results, each func() error) error {
	ctx, cancel := db.deadline(ctx)
	defer cancel()
	addr, err := db.readAddr()
	if err != nil {
		return err
	}
	var own error  // each's
	heard := false // anything of the answer
	query := ch.Query{
		Body: q.SQL, Result: columns,
		OnProgress: func(_ context.Context, p proto.Progress) error {
			heard = true
			stats.Rows += p.Rows
			stats.Bytes += p.Bytes
			return nil
		},
		OnResult: func(_ context.Context, b proto.Block) error {
			heard = true
			if b.Rows == 0 {
				return nil
			}
			own = each()
			return own
		},
	}
	for name, v := range q.Params {
		query.Parameters = append(query.Parameters, proto.Parameter{Key: name, Value: "'" + quoter.Replace(escaper.Replace(v)) + "'"})
	}
	for key, v := range db.settings(ctx, q.Settings) {
		query.Settings = append(query.Settings, ch.Setting{Key: key, Value: fmt.Sprint(v), Important: true})
	}
	client := db.idle.take(addr, q.Admin)
	waited := client != nil
	for {
		if client == nil {
			if client, err = db.dial(ctx, addr, q.Admin); err != nil {
				return db.explain(ctx, op, err)
			}
		}
		err = client.Do(ctx, query)
		if err == nil {
			db.idle.put(client, addr, q.Admin)
			return nil
		}
		client.Close()
		if own != nil {
			return own
		}
		err = db.explain(ctx, op, err)
		// A connection that has waited may have lost its server meanwhile, which
		// says nothing of the server there is now.
		if !waited || heard || ClassOf(err) != Unavailable {
			return err
		}
		client, waited = nil, false
	}
}

// quoter makes text what stands between the quotes of a parameter.
var quoter = strings.NewReplacer(`\`, `\\`, "'", `\'`)

// readAddr is where reads go now.
func (db *DB) readAddr() (Addr, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return Addr{}, &Error{Class: Unavailable, Op: "connect", Message: "closed"}
	}
	return db.cfg.Addr(), nil
}

func (db *DB) dial(ctx context.Context, addr Addr, admin bool) (*ch.Client, error) {
	o := ch.Options{
		Address: addr.TCPAddr, Database: addr.Database, Compression: ch.CompressionDisabled,
		DialTimeout: db.cfg.DialTimeout, HandshakeTimeout: db.cfg.DialTimeout, ReadTimeout: ch.NoTimeout, // the context's deadline is what counts
	}
	if o.User, o.Password = addr.User, addr.Password; !admin {
		o.User, o.Password = addr.reader()
	}
	if addr.Secure {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return ch.Dial(ctx, o)
}
