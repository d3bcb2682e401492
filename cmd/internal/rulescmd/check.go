package rulescmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/alerting/rulelint"
	"github.com/trefoil-o11y/trefoil/alerting/ruletest"
	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/query/promexpr"
)

// addFeatures adds the flag that serve has, too: rules are read as they would be there.
func addFeatures(set *flagset.Set) func() (promexpr.Features, error) {
	var names []string
	set.Strings(&names, "enable-feature", nil, "`name` of a part of PromQL that is on in the server that is to run the rules; may be repeated")
	return func() (promexpr.Features, error) {
		f, err := promexpr.ParseFeatures(names)
		if err != nil {
			err = fmt.Errorf("flag --enable-feature: %w", err)
		}
		return f, err
	}
}

// Check is the command rules check.
func Check(ctx context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "rules check",
		Args:    "FILE...",
		Text: `
Reads rule files and says what is wrong with them, with file, line and column: errors, with which a
server would not take them, and warnings about rules that would surprise: alerts without 'for', rules
that never or always fire, labels that clash, templates that use labels the result does not have.
With --server, also metrics that had no series in the last day.`,
		Examples: []string{
			"trefoil rules check 'rules/*.yml'",
			"trefoil rules check --server http://127.0.0.1:8733 --strict rules/shop.yml",
		},
	})
	var server string
	var strict bool
	set.String(&server, "server", "", "`URL` of a server whose metric names are looked up; empty: none are")
	set.Bool(&strict, "strict", false, "fail on warnings, too")
	features := addFeatures(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) == 0 {
		return set.Errorf("want at least one file or pattern")
	}
	on, err := features()
	if err != nil {
		return err
	}
	files, err := rulefile.Load(set.Args(), rulefile.Options{Languages: rulefile.AllLanguages(on)})
	if err != nil {
		fmt.Println(err)
		return fmt.Errorf("%d mistakes", len(strings.Split(err.Error(), "\n")))
	}
	var known func(string) bool
	if server != "" {
		if known, err = namesOf(ctx, server); err != nil {
			return err
		}
	}
	warnings := rulelint.Check(files, known)
	for _, w := range warnings {
		fmt.Println("warning: " + w.Error())
	}
	groups, rules := 0, 0
	for _, f := range files {
		groups += len(f.Groups)
		for _, g := range f.Groups {
			rules += len(g.Rules)
		}
	}
	fmt.Printf("%d files, %d groups, %d rules, %d warnings\n", len(files), groups, rules, len(warnings))
	if strict && len(warnings) > 0 {
		return fmt.Errorf("%d warnings", len(warnings))
	}
	return nil
}

// maxNames bounds the answer with a server's metric names.
const maxNames = 64 << 20

// namesOf asks a server which metrics had series in the last day.
func namesOf(ctx context.Context, server string) (func(string) bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	query := url.Values{"start": {strconv.FormatInt(time.Now().Add(-24*time.Hour).Unix(), 10)}}
	address := strings.TrimSuffix(server, "/") + "/prometheus/api/v1/label/__name__/values?" + query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		Data  []string
		Error string
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxNames)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("server: %s: %w", resp.Status, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("server: %s: %s", resp.Status, answer.Error)
	}
	names := map[string]bool{}
	for _, name := range answer.Data {
		names[name] = true
	}
	return func(name string) bool { return names[name] }, nil
}

// Test is the command rules test.
func Test(ctx context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "rules test",
		Args:    "FILE...",
		Text: `
Runs unit tests of rule files, written in promtool's format: input series, and the alerts and samples
they should come to at given times. Time in a test is virtual; no server is needed. The rules go through
the code that a server runs them with. Tests of LogQL and TraceQL have input_logs and input_spans; for them
the embedded ClickHouse is started in a temporary directory.`,
		Examples: []string{"trefoil rules test shop_test.yml", "trefoil rules test --run 'checkout' tests/*.yml"},
	})
	var run string
	set.String(&run, "run", "", "run only tests whose names match this `expression`")
	features := addFeatures(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) == 0 {
		return set.Errorf("want at least one test file")
	}
	on, err := features()
	if err != nil {
		return err
	}
	cfg := ruletest.Config{Out: os.Stdout, Open: openTestStore, Features: on}
	if run != "" {
		if cfg.Run, err = regexp.Compile(run); err != nil {
			return set.Errorf("flag --run: %v", err)
		}
	}
	if !ruletest.Run(ctx, cfg, set.Args()...) {
		return errors.New("tests failed")
	}
	return nil
}
