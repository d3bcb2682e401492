package engine

import (
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed server.xml.tmpl
var serverTemplate string

//go:embed users.xml.tmpl
var usersTemplate string

// layout is the inside of Config.DataDir.
type layout struct {
	root string
}

func (l layout) lock() string    { return filepath.Join(l.root, "lock") }
func (l layout) conf() string    { return filepath.Join(l.root, "conf") }    // read-only to the child
func (l layout) data() string    { return filepath.Join(l.root, "data") }    // ClickHouse's <path>
func (l layout) run() string     { return filepath.Join(l.root, "run") }     // files that live as long as a process
func (l layout) log() string     { return filepath.Join(l.root, "log") }     // rotated by ClickHouse
func (l layout) backups() string { return filepath.Join(l.root, "backups") } // the only place BACKUP may write to

func (l layout) serverXML() string { return filepath.Join(l.conf(), "server.xml") }
func (l layout) usersXML() string  { return filepath.Join(l.conf(), "users.xml") }
func (l layout) spec() string      { return filepath.Join(l.conf(), "child.json") }
func (l layout) epoch() string     { return filepath.Join(l.root, "epoch") } // see Engine.Epoch

// create makes the directories, private to this user even where they existed before with a laxer mode.
func (l layout) create() error {
	for _, dir := range []string{l.root, l.conf(), l.data(), filepath.Join(l.data(), "metadata"), l.run(), l.log(), l.backups()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("engine: data directory: %w", err)
		}
	}
	if err := os.Chmod(l.root, 0o700); err != nil {
		return fmt.Errorf("engine: data directory: %w", err)
	}
	return nil
}

// serverValues fill the two templates.
type serverValues struct {
	Data, Log, Backups, Run string
	Loopback                string
	TCPPort, HTTPPort       int
	MemoryLimit             int64
	QueryMemory             int64 // of one query of the working user
	ReadMemory              int64 // of one query of the reading user
	ReadTotalMemory         int64 // of all queries of the reading user
	WorkUser, WorkHash      string
	ReadUser, ReadHash      string
	CacheSize               int64    // of each cache that would default to gigabytes
	Databases               []string // what the grants are on
	TableEngines            []string
}

// tableEngines are those the working user may create. They keep data in our directory or in memory, or reach our own
// shards; none opens a file, a URL or a program.
func tableEngines() []string {
	return []string{
		"MergeTree", "ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree", "CollapsingMergeTree",
		"VersionedCollapsingMergeTree", "CoalescingMergeTree", "Memory", "Null", "Buffer", "Merge", "Distributed",
		"Dictionary", "View", "MaterializedView",
	}
}

// writeServerConfig writes what ClickHouse reads at start. Passwords go in as hashes only, in a file of mode 0600.
func writeServerConfig(l layout, cfg Config, ep Endpoint, tcp, http int) error {
	v := serverValues{
		Data: l.data() + "/", Log: l.log() + "/", Backups: l.backups() + "/", Run: l.run() + "/",
		Loopback: loopback, TCPPort: tcp, HTTPPort: http,
		MemoryLimit: cfg.MemoryLimit, QueryMemory: cfg.MemoryLimit / 2, ReadMemory: cfg.MemoryLimit / 4,
		ReadTotalMemory: cfg.MemoryLimit / 2,
		WorkUser:        ep.User, WorkHash: passwordHash(ep.Password),
		ReadUser: ep.ReadUser, ReadHash: passwordHash(ep.ReadPassword),
		CacheSize: min(64<<20, cfg.MemoryLimit/32),
		Databases: []string{ep.Database, ep.Database + "_*"}, TableEngines: tableEngines(),
	}
	for path, text := range map[string]string{l.serverXML(): serverTemplate, l.usersXML(): usersTemplate} {
		var out strings.Builder
		t, err := template.New("").Funcs(template.FuncMap{"xml": escapeXML}).Parse(text)
		if err == nil {
			err = t.Execute(&out, v)
		}
		if err != nil {
			return fmt.Errorf("engine: config: %w", err)
		}
		if err := writeFileAtomic(path, []byte(out.String()), 0o600); err != nil {
			return fmt.Errorf("engine: config: %w", err)
		}
	}
	return writeSystemDatabase(l)
}

// writeSystemDatabase declares the system database as Atomic before the first start. Without the file the engine
// makes it anew in memory each time and the system log tables fail from the second start on.
func writeSystemDatabase(l layout) error {
	path := filepath.Join(l.data(), "metadata", "system.sql")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var id [16]byte
	rand.Read(id[:])
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // UUID version 4
	ddl := fmt.Sprintf("ATTACH DATABASE _ UUID '%x-%x-%x-%x-%x'\nENGINE = Atomic\n", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	if err := writeFileAtomic(path, []byte(ddl), 0o600); err != nil {
		return fmt.Errorf("engine: system database: %w", err)
	}
	return nil
}

// dropUnfinishedTables removes empty declarations of system tables. A disk that is full while the engine makes one of
// its log tables leaves its file empty, and an empty file keeps the engine from starting ever again. Nothing is lost:
// a table without a declaration was never there, and log tables are made anew. Tables of other databases are not
// touched: an empty one there is damage that somebody has to look at.
func dropUnfinishedTables(l layout, log *slog.Logger) error {
	files, err := filepath.Glob(filepath.Join(globQuote(l.data()), "metadata", "system", "*.sql"))
	if err != nil {
		return fmt.Errorf("engine: system tables: %w", err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Size() > 0 {
			continue
		}
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("engine: system tables: %w", err)
		}
		log.Warn("engine: removed the empty declaration of a system table, which a full disk left behind", "file", file)
	}
	return nil
}

// globQuote keeps a path from being read as a pattern.
func globQuote(path string) string {
	return strings.NewReplacer("\\", "\\\\", "*", "\\*", "?", "\\?", "[", "\\[").Replace(path)
}

func newPassword() string {
	var b [32]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func passwordHash(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

func escapeXML(s string) (string, error) {
	var out strings.Builder
	err := xml.EscapeText(&out, []byte(s))
	return out.String(), err
}

// writeFileAtomic writes beside the target and renames, so that no reader sees half a file.
func writeFileAtomic(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, which is what we want
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
