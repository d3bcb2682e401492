package partloss

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A table's deduplication log is a row of files deduplication_log_N.txt. A line is
//
//	operation TAB part TAB token LF
//
// where operation is 1 for an insert and 2 for a part that was dropped, which frees its token. The engine reads all of
// them as it loads the table and keeps the newest tokens, as many as the table's window has.
const (
	logDir    = "deduplication_logs"
	logPrefix = "deduplication_log_"
	logSuffix = ".txt"

	opAdd  = "1"
	opDrop = "2"
)

// readLog returns the tokens that a table knows and the part each came with.
func readLog(table string) (map[string]string, error) {
	tokens := map[string]string{}
	files, err := logFiles(table)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("partloss: %w", err)
		}
		replay(tokens, text)
	}
	return tokens, nil
}

// replay applies the whole lines of a file.
func replay(tokens map[string]string, text []byte) {
	for line := range bytes.Lines(text) {
		op, part, token, ok := parseLine(line)
		switch {
		case !ok:
		case op == opAdd:
			tokens[token] = part
		case tokens[token] == part:
			delete(tokens, token)
		}
	}
}

func parseLine(line []byte) (op, part, token string, ok bool) {
	text, ended := strings.CutSuffix(string(line), "\n")
	fields := strings.Split(text, "\t")
	if !ended || len(fields) != 3 || fields[0] != opAdd && fields[0] != opDrop {
		return "", "", "", false
	}
	return fields[0], fields[1], fields[2], true
}

// appendDrops writes the lines that free the tokens of p.
func appendDrops(table string, p Part) error {
	if len(p.Tokens) == 0 {
		return nil
	}
	files, err := logFiles(table)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("its tokens come from a log that is gone")
	}
	var lines strings.Builder
	for _, token := range p.Tokens {
		lines.WriteString(opDrop + "\t" + p.Name + "\t" + token + "\n")
	}
	f, err := os.OpenFile(files[len(files)-1], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(lines.String())
	return errors.Join(err, f.Sync(), f.Close())
}

// Repair cuts off what a crash or a full disk left behind the last whole line of each table's newest log: with half a
// line in it the engine does not load the table. It returns the files it mended. The engine must not run.
func Repair(dataDir string) (mended []string, err error) {
	tables, err := tables(dataDir)
	if err != nil {
		return nil, err
	}
	for _, table := range tables {
		files, err := logFiles(table)
		if err != nil {
			return mended, err
		}
		if len(files) == 0 {
			continue
		}
		newest := files[len(files)-1]
		text, err := os.ReadFile(newest)
		if err != nil {
			return mended, fmt.Errorf("partloss: %w", err)
		}
		whole := wholeLines(text)
		if whole == len(text) {
			continue
		}
		if err := os.Truncate(newest, int64(whole)); err != nil {
			return mended, fmt.Errorf("partloss: %w", err)
		}
		mended = append(mended, newest)
	}
	return mended, nil
}

// wholeLines is the length of the lines before the first that is not one.
func wholeLines(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		if _, _, _, ok := parseLine(line); !ok {
			break
		}
		n += len(line)
	}
	return n
}

// logFiles are a table's logs, oldest first.
func logFiles(table string) ([]string, error) {
	dir := filepath.Join(table, logDir)
	list, err := names(dir)
	if err != nil {
		return nil, err
	}
	type numbered struct {
		n    uint64
		path string
	}
	var logs []numbered
	for _, name := range list {
		digits, isLog := strings.CutPrefix(name, logPrefix)
		digits, isText := strings.CutSuffix(digits, logSuffix)
		if n, err := strconv.ParseUint(digits, 10, 63); isLog && isText && err == nil {
			logs = append(logs, numbered{n, filepath.Join(dir, name)})
		}
	}
	slices.SortFunc(logs, func(a, b numbered) int { return int(a.n) - int(b.n) })
	paths := make([]string, len(logs))
	for i, l := range logs {
		paths[i] = l.path
	}
	return paths, nil
}
