package backend

import (
	"fmt"

	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/storage/conn"
)

// Flags say which ClickHouse is meant: the one inside, with its data
// directory, or a server.
type Flags struct {
	DataDir string
	DSN     string
	Library string
	Memory  int64
}

// Declare adds the flags to a command's.
func (c *Flags) Declare(set *flagset.Set) {
	set.String(&c.DataDir, "data-dir", "data", "`directory` for everything kept; created with mode 0700")
	set.String(&c.DSN, "clickhouse-dsn", "", "`address` of a ClickHouse to use instead of the embedded one: clickhouse://user:password@host:9000/database?http_port=8123&secure=true; with sql_user=… and sql_password=…, who must be one that may only read, rules can be of type sql; better given as TREFOIL_CLICKHOUSE_DSN than on the command line, where other users see it")
	set.Secret("clickhouse-dsn")
	set.String(&c.Library, "engine-lib", "", "`path` of libchdb.so; empty: where 'trefoil engine install' puts it")
	set.Bytes(&c.Memory, "engine-memory", 0, "memory the embedded ClickHouse may use, a `size`; 0: half of the machine's, at most 4GiB")
}

// Check says which flag cannot be so.
func (c *Flags) Check() error {
	if c.DSN != "" {
		if _, err := conn.ParseDSN(c.DSN); err != nil {
			return fmt.Errorf("flag --clickhouse-dsn: %w", err)
		}
	}
	return nil
}
