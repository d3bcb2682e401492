package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// question is asked of trefoil, and of VictoriaLogs if it is about logs.
type question struct {
	Name     string
	Path     string
	Form     url.Values
	Read     func(body []byte) (float64, error) // what the answer comes to, to see that both say the same
	Peer     string                             // LogsQL; "" for none
	PeerForm url.Values
	Bar      time.Duration // of wall time, on two cores and the full data; 0 for none
	PeerBar  float64       // CPU seconds VictoriaLogs took on 5 million logs of this kind
}

// Names of the data that questions are about.
const (
	askedService = "billing"
	askedUser    = "u012345"
)

// questions about the data, of which word is a rare word and trace a trace.
func questions(data filled, word, trace string) []question {
	end := data.Logs.Add(time.Minute).Truncate(time.Minute)
	nanos := func(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
	rfc := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
	loki := func(query string, limit int) url.Values {
		return url.Values{"query": {query}, "start": {nanos(data.Start)}, "end": {nanos(end)}, "limit": {strconv.Itoa(limit)}}
	}
	minutes := func(query string) url.Values {
		f := loki(query, 1)
		f.Del("limit")
		f.Set("start", nanos(data.Start.Add(time.Minute)))
		f.Set("step", "60")
		return f
	}
	at := func(query string) url.Values { return url.Values{"query": {query}, "time": {nanos(end)}} }
	whole := fmt.Sprintf("%ds", int(end.Sub(data.Start).Seconds()))
	peer := url.Values{"start": {rfc(data.Start)}, "end": {rfc(end)}}
	tempo := func(query string, from, to time.Time, limit int) url.Values {
		return url.Values{"q": {query}, "start": {strconv.FormatInt(from.Unix(), 10)}, "end": {strconv.FormatInt(to.Unix()+1, 10)}, "limit": {strconv.Itoa(limit)}}
	}
	const lines, instant, graph = "/loki/api/v1/query_range", "/loki/api/v1/query", "/loki/api/v1/query_range"
	return []question{
		{Name: "rare word", Path: lines, Form: loki(`{} |= "`+word+`"`, 100), Read: lokiLines,
			Peer: word + " | limit 100", PeerForm: peer, Bar: 150 * time.Millisecond, PeerBar: 0.03},
		{Name: "the same as a whole word", Path: lines, Form: loki("{} |~ `\\b"+word+"\\b`", 100), Read: lokiLines,
			Peer: word + " | limit 100", PeerForm: peer, PeerBar: 0.03},
		{Name: "user.id equality", Path: lines, Form: loki(`{user_id="`+askedUser+`"}`, 2000), Read: lokiLines,
			Peer: `"user.id":=` + askedUser + " | limit 2000", PeerForm: peer, PeerBar: 0.01},
		{Name: "status_code=500 count", Path: instant, Form: at(`sum(count_over_time({http_response_status_code="500"}[` + whole + `]))`), Read: lokiSum,
			Peer: `"http.response.status_code":=500 | stats count() n`, PeerForm: peer, PeerBar: 0.06},
		{Name: "newest 100 of a service", Path: lines, Form: loki(`{service_name="`+askedService+`"}`, 100), Read: lokiLines,
			Peer: `{"service.name"="` + askedService + `"} | sort by (_time) desc limit 100`, PeerForm: peer, Bar: 50 * time.Millisecond, PeerBar: 0.10},
		{Name: "errors per minute and service", Path: graph, Form: minutes(`sum by (service_name) (count_over_time({detected_level="error"}[1m]))`), Read: lokiSum,
			Peer: `severity:=ERROR | stats by (_time:1m, "service.name") count() n`, PeerForm: peer, Bar: 400 * time.Millisecond, PeerBar: 0.29},
		{Name: "volume per minute and severity", Path: graph, Form: minutes(`sum by (detected_level) (count_over_time({}[1m]))`), Read: lokiSum,
			Peer: `* | stats by (_time:1m, severity) count() n`, PeerForm: peer, PeerBar: 0.59},
		{Name: "substring count", Path: instant, Form: at(`sum(count_over_time({} |= "nnection res" [` + whole + `]))`), Read: lokiSum,
			Peer: `_msg:~"nnection res" | stats count() n`, PeerForm: peer, PeerBar: 0.75},
		{Name: "trace by ID", Path: "/tempo/api/traces/" + trace, Read: someBytes, Bar: 50 * time.Millisecond},
		{Name: "TraceQL user.id", Path: "/tempo/api/search", Form: tempo(`{ span.user.id = "`+askedUser+`" }`, data.Start, data.Spans, 100), Read: tempoTraces, Bar: 150 * time.Millisecond},
		{Name: "TraceQL slow errors by service, 15 min", Path: "/tempo/api/search", Read: tempoTraces, Bar: 300 * time.Millisecond,
			Form: tempo(`{ duration > 250ms && status = error } | by(resource.service.name)`, data.Spans.Add(-15*time.Minute), data.Spans, 20)},
		{Name: "names of tags", Path: "/tempo/api/v2/search/tags", Form: tempo("", data.Start, data.Spans, 1000), Read: someBytes, Bar: 50 * time.Millisecond},
		{Name: "values of span.http.route", Path: "/tempo/api/v2/search/tag/span.http.route/values", Form: tempo("", data.Start, data.Spans, 1000), Read: someBytes, Bar: 50 * time.Millisecond},
		{Name: "values of span.http.route in a service", Path: "/tempo/api/v2/search/tag/span.http.route/values", Read: someBytes, Bar: 50 * time.Millisecond,
			Form: tempo(`{ resource.service.name = "`+askedService+`" }`, data.Start, data.Spans, 1000)},
		{Name: "names of labels", Path: "/loki/api/v1/labels", Form: loki("", 1000), Read: someBytes, Bar: 50 * time.Millisecond},
		{Name: "values of a label", Path: "/loki/api/v1/label/http_route/values", Form: loki("", 1000), Read: someBytes},
		{Name: "context of a trace", Path: "/api/v1/traces/" + trace + "/context", Read: someBytes, Bar: 200 * time.Millisecond},
	}
}

// lokiLines counts the lines of an answer.
func lokiLines(body []byte) (float64, error) {
	var v struct {
		Data struct {
			Result []struct{ Values [][]any }
		}
	}
	err := json.Unmarshal(body, &v)
	n := 0
	for _, s := range v.Data.Result {
		n += len(s.Values)
	}
	return float64(n), err
}

// lokiSum adds up all samples of an answer.
func lokiSum(body []byte) (sum float64, err error) {
	var v struct {
		Data struct {
			Result []struct {
				Value  []any
				Values [][]any
			}
		}
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return 0, err
	}
	for _, s := range v.Data.Result {
		if len(s.Value) == 2 {
			s.Values = append(s.Values, s.Value)
		}
		for _, sample := range s.Values {
			text, _ := sample[1].(string)
			n, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return sum, nil
}

// logsQL counts the rows of VictoriaLogs, or adds up their n.
func logsQL(body []byte) (sum float64, err error) {
	rows := bufio.NewScanner(bytes.NewReader(body))
	rows.Buffer(nil, 16<<20)
	for rows.Scan() {
		var row struct{ N *string }
		if err := json.Unmarshal(rows.Bytes(), &row); err != nil {
			return 0, err
		}
		n := 1.0
		if row.N != nil {
			if n, err = strconv.ParseFloat(*row.N, 64); err != nil {
				return 0, err
			}
		}
		sum += n
	}
	return sum, rows.Err()
}

func tempoTraces(body []byte) (float64, error) {
	var v struct{ Traces []json.RawMessage }
	err := json.Unmarshal(body, &v)
	return float64(len(v.Traces)), err
}

func someBytes(body []byte) (float64, error) { return float64(len(body)), nil }
