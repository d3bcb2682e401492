package walcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/termview"
	"github.com/trefoil-o11y/trefoil/ingest/segment"
	"github.com/trefoil-o11y/trefoil/ingest/walinspect"
)

// logFlags are what the wal commands have in common.
type logFlags struct{ dataDir string }

func (f *logFlags) declare(set *flagset.Set) {
	set.String(&f.dataDir, "data-dir", "data", "the server's `directory`; the log is in wal below it")
}

func (f *logFlags) dir() string { return filepath.Join(f.dataDir, "wal") }

// find makes a path of a segment's name as 'wal ls' prints it, or of a path.
func (f *logFlags) find(set *flagset.Set, name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		return name, nil
	}
	for _, sub := range []string{"", "quarantine", "requeue"} {
		for _, suffix := range []string{"", ".wal"} {
			path := filepath.Join(f.dir(), sub, name+suffix)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path, nil
			}
		}
	}
	return "", set.Errorf("%s has no segment %q; 'trefoil wal ls' shows which there are", f.dir(), name)
}

// List is the command wal ls.
func List(_ context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "wal ls",
		Text: `
Lists the segments of the write-ahead log: what is acknowledged and not in ClickHouse yet, oldest
first, and what was set aside, with the reason. The server may be running.`,
		Examples: []string{"trefoil wal ls", "trefoil wal ls --tables --data-dir /var/lib/trefoil"},
	})
	var f logFlags
	var tables bool
	f.declare(set)
	set.Bool(&tables, "tables", false, "a line for each table of each segment")
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) > 0 {
		return set.Errorf("wal ls takes no arguments, got %q", set.Args()[0])
	}
	all, err := walinspect.List(segment.OS(), f.dir())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	if tables {
		fmt.Fprintln(w, "SEGMENT\tTABLE\tROWS\tSIZE\tSTORED")
		for _, s := range all {
			for _, t := range s.Tables {
				fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", filepath.Base(s.Path), t.Table, t.Rows, sizeText(t.Bytes), yesNo(t.Done))
			}
		}
		return w.Flush()
	}
	fmt.Fprintln(w, "SEGMENT\tSTATE\tCREATED\tSIZE\tREQUESTS\tROWS\tLEFT\tWHY")
	for _, s := range all {
		rows, left := 0, 0
		for _, t := range s.Tables {
			rows += t.Rows
			if !t.Done {
				left += t.Rows
			}
		}
		why := s.Reason
		if s.Err != nil {
			why = s.Err.Error()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", filepath.Base(s.Path), s.State, timeText(s.Created), sizeText(s.Size), s.Appends, rows, left, termview.OneLine(why))
	}
	return w.Flush()
}

// Verify is the command wal verify.
func Verify(_ context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "wal verify",
		Args:    "[SEGMENT]...",
		Text: `
Reads segments from end to end and checks every byte of them; all of the log's when none is named.
Fails when one is damaged. Nothing is changed: the server repairs what it finds when it starts, and
keeps what it cuts out in quarantine.`,
		Examples: []string{"trefoil wal verify", "trefoil wal verify 0000000000000042"},
	})
	var f logFlags
	f.declare(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	paths, err := f.segments(set)
	if err != nil {
		return err
	}
	damaged := 0
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SEGMENT\tSTATE\tREQUESTS\tSIZE\tVERDICT")
	for _, path := range paths {
		r, err := walinspect.Verify(segment.OS(), path)
		if errors.Is(err, os.ErrNotExist) && len(set.Args()) == 0 {
			continue // stored and removed meanwhile
		}
		if err != nil || !r.Sound() {
			damaged++
		}
		for _, verdict := range verdicts(&r, err) {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", filepath.Base(path), r.State, r.Appends, sizeText(r.Size), verdict)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if damaged > 0 {
		return fmt.Errorf("wal: %d of %d segments are damaged", damaged, len(paths))
	}
	return nil
}

// segments are the ones named, or all.
func (f *logFlags) segments(set *flagset.Set) (paths []string, err error) {
	for _, name := range set.Args() {
		path, err := f.find(set, name)
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
	}
	if len(set.Args()) > 0 {
		return paths, nil
	}
	all, err := walinspect.List(segment.OS(), f.dir())
	for _, s := range all {
		if filepath.Ext(s.Path) == ".wal" {
			paths = append(paths, s.Path)
		}
	}
	return paths, err
}

// Dump is the command wal dump.
func Dump(_ context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "wal dump",
		Args:    "SEGMENT",
		Text: `
Shows the frames of a segment: one for each request, with the rows it has for each table. With
--extract the rows of one table are written to standard output as they would be sent to ClickHouse:
the body of an INSERT with FORMAT Native and decompress=1.`,
		Examples: []string{
			"trefoil wal dump 0000000000000042",
			"trefoil wal dump 0000000000000042-1f3a9c00 --extract logs > logs.native",
		},
	})
	var f logFlags
	var extract string
	f.declare(set)
	set.String(&extract, "extract", "", "write the rows of this `table` to standard output")
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) != 1 {
		return set.Errorf("wal dump takes one segment, got %d", len(set.Args()))
	}
	path, err := f.find(set, set.Args()[0])
	if err != nil {
		return err
	}
	if extract != "" {
		return walinspect.Extract(segment.OS(), path, extract, os.Stdout)
	}
	info, err := walinspect.Describe(segment.OS(), path)
	if err != nil {
		return err
	}
	fmt.Printf("segment %s, identity %s, %s, created %s\n", path, info.ID, info.State, timeText(info.Created))
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "OFFSET\tKIND\tSIZE\tTIME\tKEY\tTABLES")
	err = walinspect.Dump(segment.OS(), path, func(i segment.FrameInfo) error {
		_, err := fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", i.Offset, i.Kind, sizeText(i.Size), timeText(i.Time), keyText(i.Key), partsText(&i))
		return err
	})
	return errors.Join(err, w.Flush())
}

// Requeue is the command wal requeue.
func Requeue(_ context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "wal requeue",
		Args:    "SEGMENT...",
		Text: `
Sends segments again that were set aside because ClickHouse rejected them, once what was wrong is
mended. A running server takes them up within seconds, a stopped one when it starts. Tables that were
stored already are not sent again.`,
		Examples: []string{"trefoil wal requeue 0000000000000042-1f3a9c00"},
	})
	var f logFlags
	f.declare(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) == 0 {
		return set.Errorf("wal requeue takes the names of segments in quarantine")
	}
	for _, name := range set.Args() {
		path, err := f.find(set, name)
		if err != nil {
			return err
		}
		if filepath.Clean(filepath.Dir(path)) != filepath.Join(f.dir(), "quarantine") {
			return set.Errorf("%s is not in quarantine", path)
		}
		if err := walinspect.Requeue(segment.OS(), f.dir(), filepath.Base(path)); err != nil {
			return err
		}
		fmt.Printf("%s will be sent again\n", filepath.Base(path))
	}
	return nil
}
