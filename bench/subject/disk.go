package subject

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// The engine's own directory is read instead of asking the engine: a table's
// parts are folders named partition_first_last_level, and a part that lies
// within another one's range has been merged into it and waits to be removed.

// part is one such folder.
type part struct {
	partition          string
	first, last, level int
	bytes              int64
}

// TableBytes returns what each table's live parts take under dir, in bytes of
// content. Tables of the engine about itself (…_log) are left out.
func TableBytes(dir string) (map[string]int64, error) {
	names, folders := map[string]string{}, map[string][]part{} // both by UUID
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // merged away while we look
			return nil
		case err != nil:
			return err
		case !entry.IsDir():
			if uuid, ok := tableUUID(path); ok {
				names[uuid] = strings.TrimSuffix(filepath.Base(path), ".sql")
			}
			return nil
		}
		uuid := filepath.Base(filepath.Dir(path))
		p, ok := parsePart(entry.Name())
		if !ok || !uuidPattern.MatchString(uuid) {
			return nil
		}
		if p.bytes, err = FolderBytes(path); err != nil {
			return err
		}
		folders[uuid] = append(folders[uuid], p)
		return fs.SkipDir
	})
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for uuid, parts := range folders {
		name, ok := names[uuid]
		if !ok || strings.HasSuffix(name, "_log") || strings.Contains(name, "_log_") {
			continue
		}
		for _, p := range parts {
			if !merged(p, parts) {
				sizes[name] += p.bytes
			}
		}
	}
	return sizes, nil
}

// tableUUID reads the identity out of a table's definition.
func tableUUID(path string) (string, bool) {
	if filepath.Ext(path) != ".sql" {
		return "", false
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	m := definition.FindSubmatch(text)
	if m == nil {
		return "", false
	}
	return string(m[1]), true
}

func parsePart(name string) (part, bool) {
	fields := strings.Split(name, "_")
	if len(fields) < 4 || len(fields) > 5 { // a fifth is a mutation's number
		return part{}, false
	}
	var numbers [3]int
	for i := range numbers {
		n, err := strconv.Atoi(fields[i+1])
		if err != nil || n < 0 {
			return part{}, false
		}
		numbers[i] = n
	}
	return part{partition: fields[0], first: numbers[0], last: numbers[1], level: numbers[2]}, true
}

func merged(p part, all []part) bool {
	for _, other := range all {
		if other.partition == p.partition && other.level > p.level && other.first <= p.first && other.last >= p.last {
			return true
		}
	}
	return false
}

// FolderBytes is the size of all files in a folder.
func FolderBytes(dir string) (int64, error) {
	total := int64(0)
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return ignoreGone(err)
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreGone(err)
		}
		total += info.Size()
		return nil
	})
	return total, err
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

var (
	uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	definition  = regexp.MustCompile(`^ATTACH TABLE \S+ UUID '([0-9a-f-]{36})'`)
)
