package rulescmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/trefoil-o11y/trefoil/alerting/backtest"
	"github.com/trefoil-o11y/trefoil/alerting/rulefile"
	"github.com/trefoil-o11y/trefoil/alerting/slo"
	"github.com/trefoil-o11y/trefoil/cmd/internal/flagset"
	"github.com/trefoil-o11y/trefoil/cmd/internal/nativeclient"
)

// Backtest is the command rules backtest.
func Backtest(ctx context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "rules backtest",
		Args:    "FILE...",
		Text: `
Replays the alerting rules of files over what a server has stored, and prints when each would have been
pending and fired, and for how long. What recording rules would have recorded is not made up: a rule that
reads it sees what is stored.`,
		Examples: []string{"trefoil rules backtest shop.yml --from 2026-11-20T00:00:00Z --to 2026-11-27T00:00:00Z"},
	})
	var server, from, to string
	set.String(&server, "server", "http://127.0.0.1:8733", "`URL` of the server that has the data")
	set.String(&from, "from", "", "`time` at which to begin, RFC 3339; empty: a day before the end")
	set.String(&to, "to", "", "`time` at which to end, RFC 3339; empty: now")
	features := addFeatures(set)
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) == 0 {
		return set.Errorf("want at least one file or pattern")
	}
	client, err := nativeclient.New(nativeclient.Config{URL: server, Timeout: rangeTimeout})
	if err != nil {
		return set.Errorf("flag --server: %v", err)
	}
	on, err := features()
	if err != nil {
		return err
	}
	languages := rulefile.AllLanguages(on)
	cfg := backtest.Config{Languages: languages, Range: ranges(client), To: time.Now().Truncate(time.Second)}
	for _, t := range []struct {
		flag, text string
		at         *time.Time
	}{{"to", to, &cfg.To}, {"from", from, &cfg.From}} {
		if t.text == "" {
			continue
		}
		var err error
		if *t.at, err = time.Parse(time.RFC3339, t.text); err != nil {
			return set.Errorf("flag --%s: %q is not a time like 2026-11-26T15:04:05Z", t.flag, t.text)
		}
	}
	if cfg.From.IsZero() {
		cfg.From = cfg.To.Add(-24 * time.Hour)
	}
	if !cfg.From.Before(cfg.To) {
		return set.Errorf("flag --from: it is not before --to")
	}
	files, err := rulefile.Load(set.Args(), rulefile.Options{Languages: languages})
	if err != nil {
		return err
	}
	episodes, err := backtest.Run(ctx, cfg, files)
	printEpisodes(episodes, cfg.To)
	return err
}

func printEpisodes(episodes []backtest.Episode, end time.Time) {
	fired := 0
	for _, e := range episodes {
		until, mark := e.Ended, ""
		if until.IsZero() {
			until, mark = end, " and goes on"
		}
		line := fmt.Sprintf("%s  %s%s", e.Pending.UTC().Format(time.RFC3339), e.Alert, e.Labels)
		if e.Fired.IsZero() {
			fmt.Printf("%s  pending for %s%s, never fired\n", line, model.Duration(until.Sub(e.Pending)), mark)
			continue
		}
		fired++
		fmt.Printf("%s  fired at %s, for %s%s\n", line, e.Fired.UTC().Format(time.RFC3339), model.Duration(until.Sub(e.Fired)), mark)
	}
	fmt.Printf("%d alerts fired, %d were pending only\n", fired, len(episodes)-fired)
}

// rangeTimeout bounds one range query of a replay.
const rangeTimeout = 2 * time.Minute

// ranges asks a server's native API, which has all languages but SQL.
func ranges(client *nativeclient.Client) func(context.Context, string, string, time.Time, time.Time, time.Duration) (model.Matrix, error) {
	return func(ctx context.Context, language, expr string, from, to time.Time, step time.Duration) (model.Matrix, error) {
		found, err := client.Metrics(ctx, nativeclient.MetricQuery{Language: language, Expression: expr, Start: from, End: to, Step: step})
		if err != nil {
			return nil, err
		}
		matrix := make(model.Matrix, len(found.Series))
		for i, s := range found.Series {
			stream := &model.SampleStream{Metric: model.Metric{}, Values: make([]model.SamplePair, len(s.Times))}
			for name, value := range s.Labels {
				stream.Metric[model.LabelName(name)] = model.LabelValue(value)
			}
			for k, at := range s.Times {
				value, err := strconv.ParseFloat(s.Values[k], 64)
				if err != nil {
					return nil, fmt.Errorf("answer: %w", err)
				}
				stream.Values[k] = model.SamplePair{Timestamp: model.Time(at), Value: model.SampleValue(value)}
			}
			matrix[i] = stream
		}
		return matrix, nil
	}
}

// SLO is the command rules slo.
func SLO(_ context.Context, args []string) error {
	set := flagset.New(flagset.About{
		Command: "rules slo",
		Args:    "FILE",
		Text: `
Makes a Prometheus rule file of service level objectives and prints it: the share of errors over several
windows, and alerts on how fast the error budget burns, each over a long and a short window.

  slos:
  - name: checkout-availability
    objective: 99.9
    window: 30d
    errors: sum(rate(http_requests_total{route="/checkout", code=~"5.."}[$window]))
    total: sum(rate(http_requests_total{route="/checkout"}[$window]))
    labels: {team: shop}`,
		Examples: []string{"trefoil rules slo objectives.yml > rules/slo.yml"},
	})
	if done, err := set.CommandLine(args); done || err != nil {
		return err
	}
	if len(set.Args()) != 1 {
		return set.Errorf("want one file")
	}
	f, err := os.Open(set.Args()[0])
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, slo.MaxFileBytes+1))
	if err != nil {
		return err
	}
	objectives, err := slo.Parse(text)
	if err != nil {
		return err
	}
	rules, err := objectives.Rules()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(rules)
	return err
}
