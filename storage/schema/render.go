package schema

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"text/template"
)

//go:embed migrations/*.sql
var files embed.FS

// Topology is the shape of the server side.
type Topology int

const (
	// Single is one server: plain tables.
	Single Topology = iota
	// Cluster is several: a local table a server and a Distributed one over
	// them under the plain name.
	Cluster
)

// Options say how to render the tables.
type Options struct {
	Topology Topology
	// Cluster is the name of the cluster in the servers' remote_servers.
	Cluster string
	// Replicated makes the local tables ReplicatedMergeTree; the servers need
	// Keeper and the macros {shard} and {replica}.
	Replicated bool
	// Progress is called after every migration, nil for nobody.
	Progress func(Migration)
}

func (o *Options) setDefaults() {
	if o.Cluster == "" {
		o.Cluster = "trefoil"
	}
}

// Migration is one numbered step.
type Migration struct {
	Version    int
	Name       string
	Checksum   string // of the file as written, before rendering
	Statements []Statement
}

// Statement is one step of a migration. It is left out once its condition holds,
// which makes a step that cannot be repeated, such as an exchange of two tables,
// one that may be run again.
type Statement struct {
	SQL    string
	Unless string // a SELECT that has a row when the step is behind us; "" where the step itself may be repeated
}

// String is the number and the name.
func (m Migration) String() string { return fmt.Sprintf("%04d_%s", m.Version, m.Name) }

var fileName = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.sql$`)

// Render returns all migrations of this binary in order.
func Render(opt Options) ([]Migration, error) {
	opt.setDefaults()
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	var list []Migration
	for _, name := range names {
		m, err := render(opt, name)
		if err != nil {
			return nil, fmt.Errorf("schema: %s: %w", path.Base(name), err)
		}
		if m.Version != len(list)+1 {
			return nil, fmt.Errorf("schema: %s: number %d, want %d", path.Base(name), m.Version, len(list)+1)
		}
		list = append(list, m)
	}
	return list, nil
}

func render(opt Options, name string) (Migration, error) {
	parts := fileName.FindStringSubmatch(path.Base(name))
	if parts == nil {
		return Migration{}, fmt.Errorf("file name is not NNNN_name.sql")
	}
	text, err := files.ReadFile(name)
	if err != nil {
		return Migration{}, err
	}
	t, err := template.New("").Funcs(opt.funcs()).Parse(string(text))
	if err != nil {
		return Migration{}, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, nil); err != nil {
		return Migration{}, err
	}
	version, err := strconv.Atoi(parts[1])
	if err != nil {
		return Migration{}, err
	}
	sum := sha256.Sum256(text)
	return Migration{Version: version, Name: parts[2], Checksum: hex.EncodeToString(sum[:]), Statements: split(out.String())}, nil
}

// funcs are what a migration may call.
func (o Options) funcs() template.FuncMap {
	return template.FuncMap{
		"table": o.table, "engine": o.engine, "settings": o.settings, "window": o.window, "distributed": o.distributed,
		"alter_distributed": o.alterDistributed,
	}
}

// table is the name of the table that holds rows.
func (o Options) table(name string) string {
	if o.Topology == Cluster {
		return name + "_local"
	}
	return name
}

// engine is a table engine of the MergeTree family with its arguments, for
// example the version column of a ReplacingMergeTree.
func (o Options) engine(family string, args ...string) string {
	if o.Topology == Cluster && o.Replicated {
		family = "Replicated" + family
		args = append([]string{"'/clickhouse/tables/{shard}/{database}/{table}'", "'{replica}'"}, args...)
	}
	if len(args) == 0 {
		return family
	}
	return family + "(" + strings.Join(args, ", ") + ")"
}

// settings are those of a table whose parts expire whole.
func (o Options) settings() string { return o.window() + ", ttl_only_drop_parts = 1" }

// window: the window of tokens makes a repeated insert harmless. It is called
// replicated_... where the tables are replicated.
func (o Options) window() string {
	name := "non_replicated_deduplication_window"
	if o.Topology == Cluster && o.Replicated {
		name = "replicated_deduplication_window"
	}
	return name + " = 10000"
}

// distributed is the statement for the table over all shards, empty on a
// single server.
func (o Options) distributed(name, shardingKey string) string {
	if o.Topology != Cluster {
		return ""
	}
	return fmt.Sprintf("CREATE TABLE IF NOT EXISTS %[1]s AS %[1]s_local ENGINE = Distributed('%[2]s', currentDatabase(), '%[1]s_local', %[3]s);",
		name, strings.ReplaceAll(o.Cluster, "'", ""), shardingKey)
}

// alterDistributed is the statement that changes the table over all shards
// after the tables of rows, empty on a single server.
func (o Options) alterDistributed(name, change string) string {
	if o.Topology != Cluster {
		return ""
	}
	return "ALTER TABLE " + name + " " + change + ";"
}

// unless begins the comment that gives the next statement its condition.
const unless = "-- unless: "

// split cuts a file at the semicolons that end a line, and drops comments.
func split(text string) []Statement {
	var list []Statement
	var cur []string
	var condition string
	end := func(body string) {
		list = append(list, Statement{SQL: body, Unless: condition})
		cur, condition = nil, ""
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if c, ok := strings.CutPrefix(line, unless); ok {
			condition = c
			continue
		}
		if strings.HasPrefix(strings.TrimSpace(line), "--") || (line == "" && len(cur) == 0) {
			continue
		}
		if body, ends := strings.CutSuffix(line, ";"); ends {
			end(strings.Join(append(cur, body), "\n"))
			continue
		}
		cur = append(cur, line)
	}
	if rest := strings.TrimSpace(strings.Join(cur, "\n")); rest != "" {
		end(rest)
	}
	return list
}
