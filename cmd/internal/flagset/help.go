package flagset

import (
	"errors"
	"flag"
	"os"
	"strings"
)

const (
	helpWidth  = 96
	helpIndent = 6
)

// help renders the text: usage line, what the command does, examples, flags.
func (s *Set) help() string {
	var b strings.Builder
	b.WriteString("Usage: trefoil " + s.about.Command)
	if s.about.Args != "" {
		b.WriteString(" " + s.about.Args)
	}
	if len(s.items) > 0 {
		b.WriteString(" [flags]")
	}
	b.WriteString("\n\n" + strings.TrimSpace(s.about.Text) + "\n")
	if len(s.about.Examples) > 0 {
		b.WriteString("\nExamples:\n")
		for _, e := range s.about.Examples {
			b.WriteString("  " + e + "\n")
		}
	}
	if len(s.items) > 0 && s.items[0].section == "" {
		b.WriteString("\nFlags:\n")
	}
	for _, it := range s.items {
		if it.flag == nil {
			b.WriteString("\n" + it.section + ":\n")
			continue
		}
		s.helpFlag(&b, it.flag)
	}
	if len(s.items) > 0 {
		b.WriteString("\nEvery flag can also be set by its environment variable: --some-flag by TREFOIL_SOME_FLAG")
		b.WriteString("\n(lists separated by commas). The command line wins")
		if s.hasFile {
			b.WriteString(" over the environment, and the environment over\nthe --config file")
		}
		b.WriteString(".\n")
	}
	return b.String()
}

func (s *Set) helpFlag(b *strings.Builder, f *flag.Flag) {
	placeholder, usage := flag.UnquoteUsage(f)
	if isSwitch(f) {
		placeholder = ""
	}
	b.WriteString("  ")
	for letter, name := range s.short {
		if name == f.Name {
			b.WriteString("-" + letter + ", ")
		}
	}
	b.WriteString("--" + f.Name)
	if placeholder != "" {
		b.WriteString(" " + placeholder)
	}
	b.WriteByte('\n')
	if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "0s" {
		usage += " (default " + d + ")"
	}
	for _, line := range wrap(usage, helpWidth-helpIndent) {
		b.WriteString(strings.Repeat(" ", helpIndent) + line + "\n")
	}
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// CommandLine reads a command's flags from args and the program's environment;
// done is true when there is nothing left to do because the user asked for help
// and has been given it.
func (s *Set) CommandLine(args []string) (done bool, err error) {
	err = s.Parse(args, os.LookupEnv)
	if errors.Is(err, ErrHelp) {
		s.Help(os.Stdout)
		return true, nil
	}
	return false, err
}
