package conn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/trefoil-o11y/trefoil/storage/block"
)

// Insert sends blocks of one table as one insert and returns nil only when the
// server has them. The token makes it repeatable: while the table's
// deduplication window lasts, the same blocks with the same token are stored
// once, however often they are sent. An error of class Unavailable or Timeout
// leaves the outcome unknown.
func (db *DB) Insert(ctx context.Context, table, token string, blocks []block.Block) error {
	readers := make([]io.Reader, len(blocks))
	var size int64
	rows := 0
	for i := range blocks {
		readers[i] = bytes.NewReader(blocks[i].Native)
		size += int64(len(blocks[i].Native))
		rows += blocks[i].Rows
	}
	if size == 0 {
		return nil
	}
	return db.InsertStream(ctx, table, token, io.MultiReader(readers...), size)
}

// InsertDerived inserts what is made of a tenant's stored rows, and may be made again:
// the token is a hash of the block, so that the same is stored once.
func (db *DB) InsertDerived(ctx context.Context, kind, tenant string, b block.Block) error {
	token := fmt.Sprintf("%s-%s-%016x", kind, strings.ToValidUTF8(tenant, ""), xxhash.Sum64(b.Native))
	return db.Insert(ctx, b.Table, token, []block.Block{b})
}

// InsertStream is Insert with a body of Native compression frames from
// anywhere, for example a sealed segment on disk. A size below 0 is unknown.
func (db *DB) InsertStream(ctx context.Context, table, token string, body io.Reader, size int64) error {
	db.writes.Add(1)
	defer db.writes.Add(1)
	op := "insert into " + table
	start := time.Now()
	err := db.post(ctx, op, table, token, body, size)
	db.metrics.inserted(table, size, time.Since(start), err)
	return err
}

func (db *DB) post(ctx context.Context, op, table, token string, body io.Reader, size int64) error {
	if !plainName(table) {
		return &Error{Class: Rejected, Op: op, Message: fmt.Sprintf("table name %q", table)}
	}
	ctx, cancel := db.deadline(ctx)
	defer cancel()
	addr := db.cfg.Addr()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, insertURL(addr, table, token), io.NopCloser(body))
	if err != nil {
		return &Error{Class: Internal, Op: op, Message: err.Error(), Err: err}
	}
	req.ContentLength = size
	req.Header.Set("X-ClickHouse-User", addr.User)
	req.Header.Set("X-ClickHouse-Key", addr.Password)
	req.Header.Set("X-ClickHouse-Database", addr.Database)
	res, err := db.http.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err // without the address, which the operator knows
		}
		return lost(op, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return lost(op, fmt.Errorf("answer: %w", err))
	}
	return answered(op, res, answer)
}

// lost is a request that got no answer: whatever the network calls it, the
// outcome is unknown and the insert may be repeated.
func lost(op string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return failure(op, err)
	}
	return &Error{Class: Unavailable, Op: op, Message: err.Error(), Err: err}
}

func insertURL(a Addr, table, token string) string {
	scheme := "http"
	if a.Secure {
		scheme = "https"
	}
	q := url.Values{
		"query":                                    {"INSERT INTO " + table + " FORMAT Native"},
		"decompress":                               {"1"},
		"insert_deduplicate":                       {"1"},
		"insert_deduplication_token":               {token},
		"max_insert_threads":                       {"1"},
		"async_insert":                             {"0"},
		"distributed_foreground_insert":            {"1"}, // a cluster's yes is every shard's yes
		"wait_end_of_query":                        {"1"},
		"input_format_parallel_parsing":            {"0"},
		"input_format_skip_unknown_fields":         {"0"}, // a column the table lacks is an error, not dropped
		"max_insert_block_size":                    {"1048576"},
		"min_insert_block_size_rows":               {"1048576"},
		"min_insert_block_size_bytes":              {"268435456"},
		"max_partitions_per_insert_block":          {"0"},
		"throw_on_max_partitions_per_insert_block": {"0"},
	}
	return scheme + "://" + a.HTTPAddr + "/?" + q.Encode()
}

// answered reads the server's word: status 200 without an exception is a yes.
func answered(op string, res *http.Response, body []byte) error {
	code := res.Header.Get("X-ClickHouse-Exception-Code")
	text := strings.TrimSpace(string(body))
	if code == "" && res.StatusCode == http.StatusOK && !strings.Contains(text, "DB::Exception") {
		return nil
	}
	n, err := strconv.Atoi(code)
	if err != nil {
		n = exceptionCode(text)
	}
	if n == 0 && res.StatusCode >= 500 {
		return &Error{Class: Unavailable, Op: op, Message: fmt.Sprintf("HTTP %s: %s", res.Status, text)}
	}
	return exception(op, n, text, nil)
}

// exceptionCode finds the number in "Code: 241. DB::Exception: ...".
func exceptionCode(text string) int {
	_, rest, ok := strings.Cut(text, "Code: ")
	if !ok {
		return 0
	}
	digits, _, _ := strings.Cut(rest, ".")
	n, _ := strconv.Atoi(digits)
	return n
}

// plainName guards the one identifier that is not printed by chsql.
func plainName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}
