package flagset

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads the file, the environment through lookup (os.LookupEnv in the
// program) and args, in that order, so that the last one wins. Flags and
// positional arguments may be mixed; "--" ends the flags. The error is ErrHelp
// or a *UsageError.
func (s *Set) Parse(args []string, lookup func(string) (string, bool)) error {
	line, err := s.scan(args)
	if err != nil {
		return err
	}
	if s.hasFile {
		if err := s.readFile(s.filePath(line, lookup)); err != nil {
			return err
		}
	}
	s.replaceLists()
	if err := s.readEnv(lookup); err != nil {
		return err
	}
	s.replaceLists()
	for _, a := range line {
		if err := a.flag.Value.Set(a.value); err != nil {
			return s.Errorf("flag %s: %s", a.typed, reason(err))
		}
	}
	return nil
}

// assignment is one flag as it was typed.
type assignment struct {
	flag         *flag.Flag
	typed, value string
}

// scan splits the line into assignments and positional arguments.
func (s *Set) scan(args []string) ([]assignment, error) {
	var line []assignment
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			s.args = append(s.args, args[i+1:]...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			s.args = append(s.args, arg)
			continue
		}
		name, value, inline := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		if name == "help" || name == "h" {
			return nil, ErrHelp
		}
		if long, ok := s.short[name]; ok {
			name = long
		}
		f := s.flags.Lookup(name)
		typed, _, _ := strings.Cut(arg, "=")
		if f == nil {
			return nil, s.Errorf("unknown flag %s%s", typed, suggest("--", name, s.names()))
		}
		if !inline {
			if isSwitch(f) {
				value = "true"
			} else if i++; i < len(args) {
				value = args[i]
			} else {
				return nil, s.Errorf("flag %s needs a value", typed)
			}
		}
		line = append(line, assignment{f, typed, value})
	}
	return line, nil
}

func isSwitch(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// filePath finds --config before the file is read, since the file is the
// weakest place.
func (s *Set) filePath(line []assignment, lookup func(string) (string, bool)) string {
	path, _ := lookup(EnvName("config"))
	for _, a := range line {
		if a.flag.Name == "config" {
			path = a.value
		}
	}
	return path
}

func (s *Set) readEnv(lookup func(string) (string, bool)) error {
	for _, it := range s.items {
		if it.flag == nil {
			continue
		}
		name := EnvName(it.flag.Name)
		text, ok := lookup(name)
		if !ok {
			continue
		}
		values := []string{text}
		if it.list {
			values = splitList(text)
		}
		for _, v := range values {
			if err := it.flag.Value.Set(v); err != nil {
				return s.Errorf("environment variable %s: %s", name, reason(err))
			}
		}
	}
	return nil
}

func splitList(text string) []string {
	var values []string
	for _, v := range strings.Split(text, ",") {
		if v = strings.TrimSpace(v); v != "" {
			values = append(values, v)
		}
	}
	return values
}

func (s *Set) readFile(path string) error {
	if path == "" {
		return nil
	}
	root, err := s.parseFile("configuration", path, `flag names and values, as in "data-dir: /var/lib/trefoil"`)
	if err != nil || root == nil {
		return err
	}
	s.replaceLists()
	return s.eachKey("configuration", path, root, s.setFromFile)
}

// Sections reads a YAML file of named sections, each of which has flag names
// and values as the file of --config has. declare makes the flags of a section.
// what says which file it is, in mistakes, which are those of s.
func (s *Set) Sections(what, path string, declare func(section string) (*Set, error)) error {
	root, err := s.parseFile(what, path, "sections, each with flag names and values below it")
	if err != nil || root == nil {
		return err
	}
	return s.eachKey(what, path, root, func(name string, value *yaml.Node) error {
		section, err := declare(name)
		if err != nil {
			return err
		}
		if value.Kind != yaml.MappingNode {
			return fmt.Errorf("%s: want flag names and values below it", name)
		}
		for i := 0; i+1 < len(value.Content); i += 2 {
			if err := section.setFromFile(value.Content[i].Value, value.Content[i+1]); err != nil {
				return fmt.Errorf("%s: line %d: %w", name, value.Content[i].Line, err)
			}
		}
		return nil
	})
}

// parseFile reads a mapping; nil when the file is empty, which sets nothing.
func (s *Set) parseFile(what, path, want string) (*yaml.Node, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, s.Errorf("%s file: %v", what, err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, s.Errorf("%s file %s: %s", what, path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, s.Errorf("%s file %s:%d: want %s", what, path, root.Line, want)
	}
	return root, nil
}

// eachKey calls set for every key, of which there may be one each.
func (s *Set) eachKey(what, path string, root *yaml.Node, set func(string, *yaml.Node) error) error {
	seen := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if at, twice := seen[key.Value]; twice {
			return s.Errorf("%s file %s:%d: %s is set twice (first on line %d)", what, path, key.Line, key.Value, at)
		}
		seen[key.Value] = key.Line
		if err := set(key.Value, value); err != nil {
			return s.Errorf("%s file %s:%d: %s", what, path, key.Line, reason(err))
		}
	}
	return nil
}

func (s *Set) setFromFile(name string, value *yaml.Node) error {
	f := s.flags.Lookup(name)
	if f == nil || name == "config" {
		return fmt.Errorf("unknown key %q%s", name, suggest("", name, s.names()))
	}
	_, isList := f.Value.(*listValue)
	switch {
	case value.Kind == yaml.ScalarNode && value.Tag != "!!null":
		if err := f.Value.Set(value.Value); err != nil {
			return fmt.Errorf("%s: %s", name, reason(err))
		}
		return nil
	case value.Kind == yaml.SequenceNode && isList:
		for _, element := range value.Content {
			if element.Kind != yaml.ScalarNode {
				return fmt.Errorf("%s: want a list of plain values", name)
			}
			if err := f.Value.Set(element.Value); err != nil {
				return fmt.Errorf("%s: %s", name, reason(err))
			}
		}
		return nil
	case isList:
		return fmt.Errorf("%s: want a value or a list of values", name)
	}
	return fmt.Errorf("%s: want a single value", name)
}

// replaceLists makes the next place's first value of a list flag replace the
// values of weaker places.
func (s *Set) replaceLists() {
	for _, it := range s.items {
		if it.flag == nil {
			continue
		}
		if l, ok := it.flag.Value.(*listValue); ok {
			l.replace = true
		}
	}
}

// reason turns package flag's terse "parse error" into something a person can
// act on.
func reason(err error) string {
	switch text := err.Error(); text {
	case "parse error":
		return "not a valid value"
	case "value out of range":
		return "out of range"
	default:
		return text
	}
}
