package slo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
)

// MaxFileBytes bounds a file.
const MaxFileBytes = 1 << 20

// File is a file of objectives.
type File struct {
	SLOs []Objective `yaml:"slos"`
}

// Objective is one service level objective.
type Objective struct {
	// Name is lower case words joined by hyphens, such as checkout-availability.
	Name string `yaml:"name"`
	// Objective is the share of good events in percent, such as 99.9.
	Objective float64 `yaml:"objective"`
	// Window is the time it holds over. Default 30d.
	Window model.Duration `yaml:"window"`
	// Errors and Total are PromQL expressions of rates, with $window where the
	// range goes: sum(rate(http_requests_total{code=~"5.."}[$window])).
	Errors string `yaml:"errors"`
	Total  string `yaml:"total"`
	// Labels and Annotations are those of the alerts.
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// burn is one alert: it fires when the share of errors over both windows is so
// many times the budget's.
type burn struct {
	severity    string
	long, short string
	// spent is the share of a 30 days' budget that is gone when it fires.
	spent float64
	after string // its `for`
}

// burns are the workbook's recommendation.
func burns() []burn {
	return []burn{
		{"page", "1h", "5m", 0.02, "2m"},
		{"page", "6h", "30m", 0.05, "15m"},
		{"ticket", "1d", "2h", 0.10, "1h"},
		{"ticket", "3d", "6h", 0.10, "1h"},
	}
}

var name = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Parse reads a file. All its mistakes come at once, each with the objective's
// name.
func Parse(text []byte) (*File, error) {
	if len(text) > MaxFileBytes {
		return nil, fmt.Errorf("slo: more than %d bytes", MaxFileBytes)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	f := &File{}
	if err := decoder.Decode(f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("slo: %w", err)
	}
	var errs []error
	seen := map[string]bool{}
	for i := range f.SLOs {
		o := &f.SLOs[i]
		if o.Window == 0 {
			o.Window = model.Duration(30 * 24 * time.Hour)
		}
		if err := o.check(); err != nil {
			errs = append(errs, fmt.Errorf("slo %q: %w", o.Name, err))
		}
		if seen[o.Name] {
			errs = append(errs, fmt.Errorf("slo %q: there are two of this name", o.Name))
		}
		seen[o.Name] = true
	}
	if len(f.SLOs) == 0 {
		errs = append(errs, errors.New("slo: the file has no slos"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	// What only shows in the rules: labels, templates, comments in expressions.
	rules, err := f.Rules()
	if err == nil {
		_, err = rulefile.Parse("rules", rules, rulefile.Options{})
	}
	if err != nil {
		return nil, fmt.Errorf("slo: the rules made of this file: %w", err)
	}
	return f, nil
}

func (o *Objective) check() error {
	var errs []error
	if !name.MatchString(o.Name) {
		errs = append(errs, errors.New("name: want lower case words joined by hyphens"))
	}
	if !(o.Objective > 0 && o.Objective < 100) {
		errs = append(errs, fmt.Errorf("objective: %v is not between 0 and 100, both excluded", o.Objective))
	}
	if o.Window < model.Duration(24*time.Hour) {
		errs = append(errs, fmt.Errorf("window: %v is shorter than a day", o.Window))
	}
	for field, expr := range map[string]string{"errors": o.Errors, "total": o.Total} {
		if !strings.Contains(expr, "[$window]") {
			errs = append(errs, fmt.Errorf("%s: want a PromQL expression with [$window] where the range goes", field))
			continue
		}
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(within(expr, "5m"))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		} else if parsed.Type() != parser.ValueTypeVector {
			errs = append(errs, fmt.Errorf("%s: want a rate, such as sum(rate(m[$window])), not a %s", field, parser.DocumentedType(parsed.Type())))
		}
	}
	return errors.Join(errs...)
}

func within(expr, window string) string { return strings.ReplaceAll(expr, "$window", window) }

// The shapes of a rule file, in the order of its fields.
type (
	ruleFile struct {
		Groups []group `yaml:"groups"`
	}
	group struct {
		Name  string `yaml:"name"`
		Rules []rule `yaml:"rules"`
	}
	rule struct {
		Record      string            `yaml:"record,omitempty"`
		Alert       string            `yaml:"alert,omitempty"`
		Expr        string            `yaml:"expr"`
		For         string            `yaml:"for,omitempty"`
		Labels      map[string]string `yaml:"labels,omitempty"`
		Annotations map[string]string `yaml:"annotations,omitempty"`
	}
)

// Rules is the Prometheus rule file of the objectives.
func (f *File) Rules() ([]byte, error) {
	var out ruleFile
	for i := range f.SLOs {
		out.Groups = append(out.Groups, f.SLOs[i].group())
	}
	return yaml.Marshal(out)
}

func (o *Objective) group() group {
	g := group{Name: "slo-" + o.Name}
	own := map[string]string{"slo": o.Name}
	budget := number(1 - o.Objective/100)
	recorded := map[string]bool{}
	for _, b := range burns() {
		for _, window := range []string{b.short, b.long} {
			if recorded[window] {
				continue
			}
			recorded[window] = true
			g.Rules = append(g.Rules, rule{
				Record: series(window), Labels: own,
				Expr: fmt.Sprintf("(%s) / (%s)", within(o.Errors, window), within(o.Total, window)),
			})
		}
	}
	g.Rules = append(g.Rules, rule{Record: "slo:objective:ratio", Labels: own, Expr: "vector(" + number(o.Objective/100) + ")"})
	for _, b := range burns() {
		g.Rules = append(g.Rules, o.alert(b, budget))
	}
	return g
}

func (o *Objective) alert(b burn, budget string) rule {
	labels := map[string]string{"slo": o.Name, "severity": b.severity, "window": b.long}
	maps.Copy(labels, o.Labels)
	annotations := map[string]string{
		"summary": fmt.Sprintf("%s: {{ $value | humanizePercentage }} errors in %s; the objective is %s%%", o.Name, b.long, number(o.Objective)),
	}
	maps.Copy(annotations, o.Annotations)
	limit := number(o.factor(b)) + " * " + budget
	return rule{
		Alert: "ErrorBudgetBurn", For: b.after, Labels: labels, Annotations: annotations,
		Expr: fmt.Sprintf("%s{slo=%q} > %s and %s{slo=%q} > %s", series(b.long), o.Name, limit, series(b.short), o.Name, limit),
	}
}

// factor is how many times faster than evenly the budget burns when an alert
// fires: the share spent, over the share of the window that its long window is.
func (o *Objective) factor(b burn) float64 {
	long, err := model.ParseDuration(b.long)
	if err != nil {
		return 0 // burns has none such
	}
	return b.spent * float64(o.Window) / float64(long)
}

func series(window string) string { return "slo:sli_error:ratio_rate" + window }

// number prints a number without the noise of its last bits.
func number(f float64) string { return strconv.FormatFloat(f, 'g', 10, 64) }
