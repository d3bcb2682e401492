package partloss

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// broken is the prefix of the directories that ClickHouse set aside as it loaded a table; lost is the one they have
// once their tokens are forgotten. ClickHouse knows neither the latter nor what to do with it.
const (
	broken = "broken-on-start_"
	lost   = "lost_"
)

// Part is a part that is not there, with the tokens that say it is.
type Part struct {
	Dir    string // where ClickHouse set it aside
	Name   string // partition_min_max_level, as in system.parts
	Tokens []string
}

// Find returns the parts below dataDir (ClickHouse's <path>) that were set aside as broken and not forgotten yet;
// parts made by merges have no tokens.
func Find(dataDir string) ([]Part, error) {
	var parts []Part
	tables, err := tables(dataDir)
	if err != nil {
		return nil, err
	}
	for _, table := range tables {
		found, err := find(table)
		if err != nil {
			return nil, err
		}
		parts = append(parts, found...)
	}
	return parts, nil
}

func find(table string) ([]Part, error) {
	var parts []Part
	aside, err := names(filepath.Join(table, "detached"))
	if err != nil {
		return nil, err
	}
	for _, name := range aside {
		if part, ok := partName(name); ok {
			parts = append(parts, Part{Dir: filepath.Join(table, "detached", name), Name: part})
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	tokens, err := readLog(table)
	if err != nil {
		return nil, err
	}
	for i := range parts {
		for token, part := range tokens {
			if part == parts[i].Name {
				parts[i].Tokens = append(parts[i].Tokens, token)
			}
		}
		slices.Sort(parts[i].Tokens)
	}
	return parts, nil
}

// Forget takes back the tokens of parts and gives their directories another name. The engine must not run. Having
// been cut short it can be called again with what Find returns then.
func Forget(parts []Part) error {
	for _, p := range parts {
		table := filepath.Dir(filepath.Dir(p.Dir))
		if err := appendDrops(table, p); err != nil {
			return fmt.Errorf("partloss: %s: %w", p.Name, err)
		}
		to, err := freeName(filepath.Join(table, "detached", lost+p.Name))
		if err == nil {
			err = os.Rename(p.Dir, to)
		}
		if err != nil {
			return fmt.Errorf("partloss: %s: %w", p.Name, err)
		}
	}
	return nil
}

// retry is what ClickHouse appends to a name that is taken.
var retry = regexp.MustCompile(`_try\d+$`)

// partName is the name of the part in a directory that was set aside as broken.
func partName(dir string) (string, bool) {
	name, ok := strings.CutPrefix(dir, broken)
	return retry.ReplaceAllString(name, ""), ok
}

// tables are the directories of all tables: <path>/store/<first three digits>/<UUID>.
func tables(dataDir string) ([]string, error) {
	store := filepath.Join(dataDir, "store")
	var found []string
	groups, err := names(store)
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		ids, err := names(filepath.Join(store, group))
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			found = append(found, filepath.Join(store, group, id))
		}
	}
	return found, nil
}

// names lists a directory, which need not be there.
func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("partloss: %w", err)
	}
	list := make([]string, 0, len(entries))
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list, nil
}

// freeName is path, or path with a number that is not taken.
func freeName(path string) (string, error) {
	name := path
	for i := 1; ; i++ {
		_, err := os.Lstat(name)
		if os.IsNotExist(err) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		name = fmt.Sprintf("%s_try%d", path, i)
	}
}
