package rule

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

var update = flag.Bool("update", false, "rewrite the expected states")

// TestScripts runs testdata/*.test. A script is commands, each followed by
// what it leads to, indented:
//
//	alert for=5m keep_firing_for=10m limit=3   begins with an empty set
//	at 7m {job="a"}=1 {job="b"}=2              one evaluation and its result
//	change for=2m                              the rule after a reload
//	restart at=9m interval=1m forget=1h grace=5m   a new process; last seen at the last `at`
//	remove 12m                                 the rule is no longer there
//
// Below a command stand its changes (`from -> to`), then all instances.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.test")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(t, string(want))
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(want), got); diff != "" && !*update {
				t.Error(diff)
			}
		})
	}
}

type script struct {
	t     *testing.T
	alert Alert
	set   *Set
	seen  time.Time
	out   strings.Builder
}

// epoch is 0m of every script.
func epoch() time.Time { return time.Unix(1_700_000_000, 0).UTC() }

func runScript(t *testing.T, text string) string {
	s := &script{t: t}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch words := strings.Fields(line); {
		case strings.HasPrefix(line, "  "):
			continue // Written anew.
		case len(words) == 0 || words[0] == "#" || strings.HasPrefix(line, "#"):
			fmt.Fprintln(&s.out, line)
		default:
			fmt.Fprintln(&s.out, line)
			s.command(words[0], words[1:])
		}
	}
	return s.out.String()
}

func (s *script) command(name string, args []string) {
	switch name {
	case "alert":
		s.set = &Set{}
		s.define(args)
	case "change":
		s.define(args)
	case "at":
		s.seen = s.time(args[0])
		var active []Active
		for _, arg := range args[1:] {
			active = append(active, s.element(arg))
		}
		changes, err := s.alert.Step(s.set, s.seen, active)
		s.report(changes, err)
	case "restart":
		gap := Gap{Seen: s.seen}
		for _, arg := range args {
			key, value, _ := strings.Cut(arg, "=")
			switch key {
			case "at":
				gap.Now = s.time(value)
			case "interval":
				gap.Interval = s.duration(value)
			case "forget":
				gap.Forget = s.duration(value)
			case "grace":
				gap.Grace = s.duration(value)
			default:
				s.t.Fatalf("restart has no %q", key)
			}
		}
		stored := s.set.Instances()
		s.set = &Set{}
		s.set.Restore(stored, gap)
		s.report(nil, nil)
	case "remove":
		s.report(s.set.ResolveAll(s.time(args[0])), nil)
	default:
		s.t.Fatalf("no command %q", name)
	}
}

func (s *script) define(args []string) {
	s.alert = Alert{Name: "A"}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		switch key {
		case "for":
			s.alert.Hold = s.duration(value)
		case "keep_firing_for":
			s.alert.KeepFiring = s.duration(value)
		case "limit":
			s.alert.Limit, _ = strconv.Atoi(value)
		default:
			s.t.Fatalf("alert has no %q", key)
		}
	}
}

func (s *script) element(text string) Active {
	cut := strings.LastIndexByte(text, '=')
	ls, err := parser.NewParser(parser.Options{}).ParseMetric(text[:cut])
	if err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	value, err := strconv.ParseFloat(text[cut+1:], 64)
	if err != nil {
		s.t.Fatalf("%s: %v", text, err)
	}
	return Active{Labels: ls, Annotations: labels.FromStrings("value", text[cut+1:]), Value: value}
}

func (s *script) report(changes []Change, err error) {
	if err != nil {
		fmt.Fprintf(&s.out, "  error: %v\n", err)
	}
	for _, c := range changes {
		gone := ""
		if c.Gone() {
			gone = " gone"
		}
		fmt.Fprintf(&s.out, "  %v -> %v %v%s\n", c.From, c.Instance.State, c.Instance.Labels, gone)
	}
	for _, in := range s.set.Instances() {
		fmt.Fprintf(&s.out, "  = %-8v %v %v", in.State, in.Labels, in.Value)
		for _, at := range []struct {
			name string
			time time.Time
		}{{"active", in.ActiveAt}, {"fired", in.FiredAt}, {"resolved", in.ResolvedAt}, {"keep", in.KeepFiringSince}, {"until", in.KeepUntil}} {
			if !at.time.IsZero() {
				fmt.Fprintf(&s.out, " %s=%s", at.name, model.Duration(at.time.Sub(epoch())))
			}
		}
		fmt.Fprintln(&s.out)
	}
}

func (s *script) duration(text string) time.Duration {
	d, err := model.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return time.Duration(d)
}

func (s *script) time(text string) time.Time { return epoch().Add(s.duration(text)) }
