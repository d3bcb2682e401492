package conn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
)

// Limits bound every select. Zero fields mean no limit of our own.
type Limits struct {
	MaxRowsToRead  int64
	MaxBytesToRead int64
	MaxMemory      int64         // bytes a query may use in the server
	MaxTime        time.Duration // also the deadline where the context has none
	MaxThreads     int
}

// Config says how to connect.
type Config struct {
	// Addr is asked for the address whenever a connection is made, so that an
	// embedded engine may move when it restarts.
	Addr       func() Addr
	MaxOpen    int // connections for selects; default 16
	Limits     Limits
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// DialTimeout bounds the making of one connection, greeting included, whatever
	// the deadline of the call that needs it; default 2 s.
	DialTimeout time.Duration
	// Sole says that nobody else writes to the server, so that what it holds is
	// asked for only after a write.
	Sole bool
}

func (c *Config) setDefaults() {
	if c.MaxOpen <= 0 {
		c.MaxOpen = 16
	}
	if c.Limits.MaxTime <= 0 {
		c.Limits.MaxTime = time.Minute
	}
	if c.DialTimeout <= 0 {
		c.DialTimeout = 2 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// DB is a server: a pool for selects, one for statements, and the HTTP
// interface for inserts. Safe for concurrent use.
type DB struct {
	cfg     Config
	http    *http.Client
	metrics metrics
	idle    idleClients
	seed    maphash.Seed // of Contents

	secretive atomic.Bool   // the server does not tell Contents
	writes    atomic.Uint64 // begun and ended
	told      told

	mu     sync.Mutex
	addr   Addr // the address of the pools
	read   driver.Conn
	write  driver.Conn
	closed bool
}

// Open prepares a DB. It does not connect: Ping does.
func Open(cfg Config) (*DB, error) {
	cfg.setDefaults()
	if cfg.Addr == nil {
		return nil, errors.New("conn: no address")
	}
	dialer := &net.Dialer{Timeout: cfg.DialTimeout}
	db := &DB{
		cfg: cfg,
		http: &http.Client{Transport: &http.Transport{
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: cfg.DialTimeout,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     8 * time.Second, // below the server's keep-alive of 10 s
			DisableCompression:  true,
		}},
		metrics: newMetrics(cfg.Registerer),
		seed:    maphash.MakeSeed(),
	}
	return db, nil
}

// pools are the connections for the current address, made anew when it moved.
func (db *DB) pools() (read, write driver.Conn, addr Addr, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil, nil, Addr{}, &Error{Class: Unavailable, Op: "connect", Message: "closed"}
	}
	addr = db.cfg.Addr()
	if db.read != nil && db.addr == addr {
		return db.read, db.write, addr, nil
	}
	db.closePools()
	user, password := addr.reader()
	if db.read, err = db.open(addr, user, password, db.cfg.MaxOpen); err != nil {
		return nil, nil, addr, err
	}
	if db.write, err = db.open(addr, addr.User, addr.Password, 4); err != nil {
		return nil, nil, addr, err
	}
	db.addr = addr
	return db.read, db.write, addr, nil
}

func (db *DB) open(a Addr, user, password string, conns int) (driver.Conn, error) {
	opts := &clickhouse.Options{
		Addr:             []string{a.TCPAddr},
		Auth:             clickhouse.Auth{Database: a.Database, Username: user, Password: password},
		DialTimeout:      db.cfg.DialTimeout,
		MaxOpenConns:     conns,
		MaxIdleConns:     conns,
		ConnMaxLifetime:  10 * time.Minute,
		BlockBufferSize:  8,
		Compression:      &clickhouse.Compression{Method: clickhouse.CompressionLZ4},
		ReadTimeout:      5 * time.Minute, // the context's deadline is what counts
		ConnOpenStrategy: clickhouse.ConnOpenInOrder,
	}
	if a.Secure {
		opts.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c, err := clickhouse.Open(opts)
	if err != nil {
		return nil, fmt.Errorf("conn: %w", err)
	}
	return c, nil
}

func (db *DB) closePools() {
	for _, c := range []driver.Conn{db.read, db.write} {
		if c != nil {
			c.Close()
		}
	}
	db.read, db.write = nil, nil
}

// Close ends all connections. It goes before the engine's stop, which waits
// for open ones.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.closed = true
	db.closePools()
	db.idle.close()
	db.http.CloseIdleConnections()
	return nil
}

// Database is the name of our database at the server.
func (db *DB) Database() string { return db.cfg.Addr().Database }

// Ping asks the server for a sign of life.
func (db *DB) Ping(ctx context.Context) error {
	_, err := db.Version(ctx)
	return err
}

// Version is the server's version.
func (db *DB) Version(ctx context.Context) (string, error) {
	var v string
	_, err := db.Select(ctx, Query{SQL: "SELECT version()"}, func(rows driver.Rows) error { return rows.Scan(&v) })
	return v, err
}

// Exec runs a statement as the user who may change things. The context should
// have a deadline; without one it is Limits.MaxTime.
func (db *DB) Exec(ctx context.Context, sql string, args ...any) error {
	db.writes.Add(1)
	defer db.writes.Add(1)
	_, write, _, err := db.pools()
	if err != nil {
		return err
	}
	ctx, cancel := db.deadline(ctx)
	defer cancel()
	return failure("exec", write.Exec(ctx, sql, args...))
}

func (db *DB) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, db.cfg.Limits.MaxTime)
}

// Query is a select.
type Query struct {
	SQL string
	// Params fill {name:Type} in SQL at the server, which is how values of users
	// get into a statement. Strings are given as they are.
	Params   map[string]string
	Settings map[string]any // beside the limits
	Op       string         // for errors and metrics; default "select"
	// Admin runs it as the user who may change things, for tables of system.
	Admin bool
}

// Stats is what a select cost the server.
type Stats struct {
	Rows, Bytes uint64 // read
	Elapsed     time.Duration
}

// Add sums two costs.
func (s *Stats) Add(o Stats) {
	s.Rows += o.Rows
	s.Bytes += o.Bytes
	s.Elapsed += o.Elapsed
}

// Select runs a query as the user who may only read, within the limits, and
// calls scan for every row; scan's error ends it. When the context ends, the
// query is stopped at the server. The error is an *Error, or scan's own.
func (db *DB) Select(ctx context.Context, q Query, scan func(driver.Rows) error) (Stats, error) {
	op := q.Op
	if op == "" {
		op = "select"
	}
	start := time.Now()
	var stats Stats
	err := db.selectRows(ctx, q, op, &stats, scan)
	stats.Elapsed = time.Since(start)
	db.metrics.selected(op, stats, err)
	traced(ctx, op, q.SQL, stats)
	return stats, err
}

func (db *DB) selectRows(ctx context.Context, q Query, op string, stats *Stats, scan func(driver.Rows) error) error {
	read, write, _, err := db.pools()
	if err != nil {
		return err
	}
	if q.Admin {
		read = write
	}
	ctx, cancel := db.deadline(ctx)
	defer cancel()
	ctx = clickhouse.Context(ctx,
		clickhouse.WithSettings(db.settings(ctx, q.Settings)),
		clickhouse.WithParameters(parameters(q.Params)),
		clickhouse.WithProgress(func(p *clickhouse.Progress) {
			stats.Rows += p.Rows
			stats.Bytes += p.Bytes
		}))
	rows, err := read.Query(ctx, q.SQL)
	if err != nil {
		return db.explain(ctx, op, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			cancel()
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return db.explain(ctx, op, err)
	}
	return db.explain(ctx, op, ctx.Err())
}

// explain prefers the context's reason to the broken connection it leaves.
func (db *DB) explain(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); cause != nil {
		var ex *clickhouse.Exception
		if !errors.As(err, &ex) {
			return failure(op, cause)
		}
	}
	return failure(op, err)
}

// escaper makes a value of any bytes one field of ClickHouse's escaped text,
// which is how the server reads a parameter.
var escaper = strings.NewReplacer("\\", `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "\x00", `\0`)

func parameters(values map[string]string) clickhouse.Parameters {
	p := make(clickhouse.Parameters, len(values))
	for k, v := range values {
		p[k] = escaper.Replace(v)
	}
	return p
}

func (db *DB) settings(ctx context.Context, more map[string]any) clickhouse.Settings {
	// Numbers of texts are read as Go reads them, to the last bit.
	s := clickhouse.Settings{"precise_float_parsing": 1}
	l := db.cfg.Limits
	if l.MaxRowsToRead > 0 {
		s["max_rows_to_read"] = l.MaxRowsToRead
	}
	if l.MaxBytesToRead > 0 {
		s["max_bytes_to_read"] = l.MaxBytesToRead
	}
	if l.MaxMemory > 0 {
		s["max_memory_usage"] = l.MaxMemory
	}
	if l.MaxThreads > 0 {
		s["max_threads"] = l.MaxThreads
	}
	if t, ok := ctx.Deadline(); ok {
		// A guard for queries whose client is gone without a word; the server's
		// profile for readers allows 1 to 600 s.
		left := min(max(time.Until(t), time.Second), 10*time.Minute)
		s["max_execution_time"] = strconv.FormatFloat(left.Seconds(), 'f', 3, 64)
	}
	for k, v := range more {
		s[k] = v
	}
	return s
}
