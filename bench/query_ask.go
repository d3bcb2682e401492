package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/trefoil-o11y/trefoil/bench/load"
	"github.com/trefoil-o11y/trefoil/bench/subject"
)

// ask puts every question to both and takes their accounts.
func (cfg queryConfig) ask(ctx context.Context, ours, peer *subject.Process, exporter *exporterTables, data filled) (*queryReport, error) {
	word, err := rareWord(ctx, ours, data)
	if err != nil {
		return nil, err
	}
	trace, err := oldTrace(ctx, ours, data)
	if err != nil {
		return nil, err
	}
	rep, sql := newQueryReport(cfg), exporterSQL(data, word, trace)
	for _, q := range questions(data, word, trace) {
		if !strings.Contains(q.Name, cfg.Only) {
			continue
		}
		fmt.Fprintln(os.Stderr, "asking", q.Name)
		row := questionResult{Name: q.Name, Path: q.Path, Query: q.Form.Get("query") + q.Form.Get("q"), BarMS: milliseconds(q.Bar), PeerBarCPU: q.PeerBar}
		if row.Trefoil, err = cfg.measure(ctx, ours, q.Path, q.Form, q.Read); err != nil {
			return nil, fmt.Errorf("%s: %w", q.Name, err)
		}
		if text := sql[q.Name]; exporter != nil && text != "" {
			theirs, err := exporter.measure(ctx, cfg.Repeat, text)
			if err != nil {
				return nil, fmt.Errorf("clickhouseexporter: %s: %w", q.Name, err)
			}
			row.ExporterSQL, row.Exporter = text, &theirs
		}
		if peer != nil && q.Peer != "" {
			form := url.Values{"query": {q.Peer}}
			for k, v := range q.PeerForm {
				form[k] = v
			}
			row.PeerQuery = q.Peer
			theirs, err := cfg.measure(ctx, peer, "/select/logsql/query", form, logsQL)
			if err != nil {
				return nil, fmt.Errorf("VictoriaLogs: %s: %w", q.Name, err)
			}
			row.Peer = &theirs
		}
		rep.Questions = append(rep.Questions, row)
	}
	return rep, nil
}

// measure asks once to warm up and Repeat times for the figures.
func (cfg queryConfig) measure(ctx context.Context, s *subject.Process, path string, form url.Values, read func([]byte) (float64, error)) (c queryCost, err error) {
	once := func() (time.Duration, error) {
		begun := time.Now()
		body, err := get(ctx, s, path, form)
		took := time.Since(begun)
		if err == nil {
			c.Answer, err = read(body)
		}
		if err == nil && c.Answer == 0 {
			err = fmt.Errorf("an empty answer: %.300s", body)
		}
		return took, err
	}
	if _, err := once(); err != nil {
		return c, err
	}
	readBefore, err := bytesRead(ctx, s)
	if err != nil {
		return c, err
	}
	before, err := subject.UsageOf(s.Cmd.Process.Pid)
	if err != nil {
		return c, err
	}
	walls := make([]time.Duration, cfg.Repeat)
	for i := range walls {
		if walls[i], err = once(); err != nil {
			return c, err
		}
	}
	after, err := subject.UsageOf(s.Cmd.Process.Pid)
	if err != nil {
		return c, err
	}
	readAfter, err := bytesRead(ctx, s)
	if err != nil {
		return c, err
	}
	slices.Sort(walls)
	n := float64(cfg.Repeat)
	c.ReadBytes = (readAfter - readBefore) / n
	c.CPU, c.Own = (after.CPU-before.CPU).Seconds()/n, (after.Self-before.Self).Seconds()/n
	c.MedianMS, c.MaxMS = milliseconds(load.Quantile(walls, 0.5)), milliseconds(walls[len(walls)-1])
	return c, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// get asks within a minute.
func get(ctx context.Context, s *subject.Process, path string, form url.Values) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return s.Get(ctx, path, form)
}

// rareWord is a word that one line has: the name of a session, from the middle
// of the data.
func rareWord(ctx context.Context, s *subject.Process, data filled) (string, error) {
	middle := data.Start.Add(data.Logs.Sub(data.Start) / 2)
	body, err := get(ctx, s, "/loki/api/v1/query_range", url.Values{"query": {`{} |= "session "`}, "limit": {"1"},
		"start": {fmt.Sprint(middle.UnixNano())}, "end": {fmt.Sprint(middle.Add(10 * time.Second).UnixNano())}})
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`session ([0-9a-f]{8}) refreshed`).FindSubmatch(body)
	if m == nil {
		return "", fmt.Errorf("no session in %.300s", body)
	}
	return string(m[1]), nil
}

// oldTrace is the ID of a trace from the first seconds of the data.
func oldTrace(ctx context.Context, s *subject.Process, data filled) (string, error) {
	body, err := get(ctx, s, "/tempo/api/search", url.Values{"q": {`{ kind = server && resource.service.name = "` + askedService + `" }`}, "limit": {"1"},
		"start": {fmt.Sprint(data.Start.Unix())}, "end": {fmt.Sprint(data.Start.Unix() + 10)}})
	if err != nil {
		return "", err
	}
	var v struct{ Traces []struct{ TraceID string } }
	if err := json.Unmarshal(body, &v); err != nil || len(v.Traces) == 0 {
		return "", fmt.Errorf("no trace in %.300s (%v)", body, err)
	}
	return v.Traces[0].TraceID, nil
}
