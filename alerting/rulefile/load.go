package rulefile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Load reads the files that the patterns name, in the order of their paths,
// each once. A pattern without wildcards must name a file; one with wildcards
// may match none. The error is of type Problems and holds those of all files.
func Load(patterns []string, opts Options) ([]*File, error) {
	paths, problems := expand(patterns)
	var files []*File
	for _, path := range paths {
		data, err := readBounded(path)
		if err != nil {
			problems = append(problems, Problem{File: path, Message: err.Error()})
			continue
		}
		file, err := Parse(path, data, opts)
		if found, ok := err.(Problems); ok {
			problems = append(problems, found...)
			continue
		}
		files = append(files, file)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return files, nil
}

func expand(patterns []string) (paths []string, problems Problems) {
	for _, pattern := range patterns {
		matches, err := filepath.Glob(pattern)
		switch {
		case err != nil:
			problems = append(problems, Problem{File: pattern, Message: "not a file name pattern: " + err.Error()})
		case len(matches) == 0 && !strings.ContainsAny(pattern, `*?[\`):
			problems = append(problems, Problem{File: pattern, Message: fs.ErrNotExist.Error()})
		}
		paths = append(paths, matches...)
	}
	slices.Sort(paths)
	return slices.Compact(paths), problems
}

// readBounded reads a file that Parse would not refuse for its size alone.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("rule file: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("rule file: not a regular file")
	case info.Size() > MaxFileBytes:
		return nil, fmt.Errorf("rule file: %d bytes; at most %d are read", info.Size(), MaxFileBytes)
	}
	return os.ReadFile(path)
}
