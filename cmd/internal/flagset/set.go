package flagset

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// ErrHelp is returned by Parse when the user asked for help; the text has been
// asked for, so the caller prints it to standard output and succeeds.
var ErrHelp = errors.New("help requested")

// UsageError is a mistake on the command line, in the environment or in the
// configuration file: the user can fix it, and nothing was started.
type UsageError struct {
	Command string // the command whose flags were read, empty for trefoil itself
	Message string
}

func (e *UsageError) Error() string {
	command := "trefoil"
	if e.Command != "" {
		command += " " + e.Command
	}
	return e.Message + "\nRun '" + command + " --help' for what it takes."
}

// About is what the help text says before the flags.
type About struct {
	Command  string // as typed after "trefoil", e.g. "engine install"
	Args     string // positional arguments as shown in the usage line
	Text     string // paragraphs, already wrapped
	Examples []string
}

// Set is the flags of one command.
type Set struct {
	about   About
	flags   *flag.FlagSet
	items   []item
	short   map[string]string // one-letter name → flag name
	config  string            // path given by --config, when enabled
	hasFile bool
	secret  map[string]bool
	args    []string
}

// item is one line of the help text: a flag, or a section title.
type item struct {
	section string
	flag    *flag.Flag
	list    bool
}

// New returns an empty set.
func New(about About) *Set {
	return &Set{
		about: about,
		flags: flag.NewFlagSet(about.Command, flag.ContinueOnError),
		short: map[string]string{}, secret: map[string]bool{},
	}
}

// Section starts a titled group of flags in the help text.
func (s *Set) Section(title string) { s.items = append(s.items, item{section: title}) }

// String declares a text flag. A word in `backquotes` in usage names the value
// in the help text, as in package flag; this holds for all declarations below.
func (s *Set) String(p *string, name, value, usage string) {
	s.flags.StringVar(p, name, value, usage)
	s.declared(name, false)
}

// Bool declares a switch.
func (s *Set) Bool(p *bool, name string, value bool, usage string) {
	s.flags.BoolVar(p, name, value, usage)
	s.declared(name, false)
}

// Int declares a whole number.
func (s *Set) Int(p *int, name string, value int, usage string) {
	s.flags.IntVar(p, name, value, usage)
	s.declared(name, false)
}

// Int64 declares a whole number of 64 bits.
func (s *Set) Int64(p *int64, name string, value int64, usage string) {
	s.flags.Int64Var(p, name, value, usage)
	s.declared(name, false)
}

// Float declares a number.
func (s *Set) Float(p *float64, name string, value float64, usage string) {
	s.flags.Float64Var(p, name, value, usage)
	s.declared(name, false)
}

// Duration declares a length of time, written as in 1h30m, or 7d.
func (s *Set) Duration(p *time.Duration, name string, value time.Duration, usage string) {
	*p = value
	s.flags.Var((*durationValue)(p), name, usage)
	s.declared(name, false)
}

// Bytes declares a size, written as in 64MiB, 2GB or 1048576.
func (s *Set) Bytes(p *int64, name string, value int64, usage string) {
	*p = value
	s.flags.Var((*bytesValue)(p), name, usage)
	s.declared(name, false)
}

// Size declares a size that is held as an int.
func (s *Set) Size(p *int, name string, value int, usage string) {
	*p = value
	s.flags.Var((*sizeValue)(p), name, usage)
	s.declared(name, false)
}

// Strings declares a flag that may be given several times. In the environment
// the values are separated by commas; in the file they are a list. A place
// that sets it replaces what a weaker place had set.
func (s *Set) Strings(p *[]string, name string, value []string, usage string) {
	*p = value
	s.flags.Var(&listValue{values: p}, name, usage)
	s.declared(name, true)
}

// Short gives a declared flag a one-letter name as well.
func (s *Set) Short(letter, name string) { s.short[letter] = name }

// Secret says that what a declared flag was set to is nobody's to see.
func (s *Set) Secret(name string) { s.secret[name] = true }

// Values lists the flags with what they are set to, secrets hidden.
func (s *Set) Values() map[string]string {
	values := map[string]string{}
	s.flags.VisitAll(func(f *flag.Flag) {
		v := f.Value.String()
		if s.secret[f.Name] && v != "" {
			v = "<secret>"
		}
		values[f.Name] = v
	})
	return values
}

// File declares --config, the YAML file whose keys are the names of this set's
// flags.
func (s *Set) File() {
	s.hasFile = true
	s.String(&s.config, "config", "", "read flags from this YAML `file`; its keys are flag names")
}

// Args returns what was left over after the flags.
func (s *Set) Args() []string { return s.args }

// Errorf makes a UsageError of this command.
func (s *Set) Errorf(format string, args ...any) error {
	return &UsageError{Command: s.about.Command, Message: fmt.Sprintf(format, args...)}
}

func (s *Set) declared(name string, list bool) {
	s.items = append(s.items, item{flag: s.flags.Lookup(name), list: list})
}

// names lists the flags, for the nearest match.
func (s *Set) names() []string {
	var names []string
	for _, it := range s.items {
		if it.flag != nil {
			names = append(names, it.flag.Name)
		}
	}
	return names
}

// EnvName is the environment variable that sets a flag.
func EnvName(flag string) string {
	return "TREFOIL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Help writes the help text.
func (s *Set) Help(w io.Writer) { io.WriteString(w, s.help()) }
