package logpipe

import (
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/query/logql"
)

// Kinds of what can go wrong with a record, as LogQL's documentation has them.
const (
	jsonError     = "JSONParserErr"
	logfmtError   = "LogfmtParserErr"
	filterError   = "LabelFilterErr"
	templateError = "TemplateFormatErr"
	sampleError   = "SampleExtractionErr"
)

// Pipeline is a compiled list of stages. Not safe for concurrent use.
type Pipeline struct {
	steps  []step
	labels Labels
	line   string
	entry  *Entry
	values map[string]string // for templates
}

// step changes the record at hand; false drops it.
type step func(p *Pipeline) bool

// Compile makes a pipeline of stages that were parsed, hence are sound.
func Compile(stages []logql.Stage) (*Pipeline, error) {
	p := &Pipeline{values: map[string]string{}}
	for _, s := range stages {
		step, err := compile(s)
		if err != nil {
			return nil, fmt.Errorf("logpipe: %s: %w", s, err)
		}
		p.steps = append(p.steps, step)
	}
	return p, nil
}

// Run sends a record through the pipeline. What it returns is valid until the next
// run; ok is false for a record that is dropped.
func (p *Pipeline) Run(e *Entry) (line string, labels *Labels, ok bool) {
	p.entry, p.line = e, e.Line
	p.labels.reset(e)
	for _, s := range p.steps {
		if !s(p) {
			return "", nil, false
		}
	}
	return p.line, &p.labels, true
}

func compile(s logql.Stage) (step, error) {
	switch s := s.(type) {
	case *logql.LineFilter:
		return compileLineFilter(s)
	case *logql.LabelFilter:
		c, err := compileCond(s.Cond)
		return func(p *Pipeline) bool { return c(&p.labels) }, err
	case *logql.JSON:
		return compileJSON(s)
	case *logql.Logfmt:
		return compileLogfmt(s), nil
	case *logql.Pattern:
		pattern, err := logline.ParsePattern(s.Text)
		return func(p *Pipeline) bool {
			pattern.Captures(p.line, p.labels.extract)
			return true
		}, err
	case *logql.RegexpParser:
		return compileRegexp(s)
	case *logql.Unpack:
		return unpack, nil
	case *logql.Decolorize:
		return func(p *Pipeline) bool { p.line = logline.Decolorize(p.line); return true }, nil
	case *logql.LineFormat:
		return compileLineFormat(s)
	case *logql.LabelFormat:
		return compileLabelFormat(s)
	case *logql.Drop:
		return compilePicks(s.Picks, func(l *Labels, name string, picked bool) bool { return !picked })
	case *logql.Keep:
		return compilePicks(s.Picks, func(l *Labels, name string, picked bool) bool { return picked })
	}
	return nil, fmt.Errorf("unknown stage %T", s)
}

func compileJSON(s *logql.JSON) (step, error) {
	if len(s.Fields) == 0 {
		return func(p *Pipeline) bool {
			if err := logline.FlattenJSON(p.line, p.labels.extract); err != nil {
				p.labels.fail(jsonError, err.Error())
			}
			return true
		}, nil
	}
	paths := make([]logline.JSONPath, len(s.Fields))
	for i, f := range s.Fields {
		var err error
		if paths[i], err = logline.ParseJSONPath(f.Path); err != nil {
			return nil, err
		}
	}
	return func(p *Pipeline) bool {
		err := logline.PickJSON(p.line, paths, func(i int, value string) { p.labels.extract(s.Fields[i].Label, value) })
		if err != nil {
			p.labels.fail(jsonError, err.Error())
		}
		return true
	}, nil
}

func compileLogfmt(s *logql.Logfmt) step {
	fail := func(p *Pipeline, err error) bool {
		if err != nil {
			p.labels.fail(logfmtError, err.Error())
		}
		return true
	}
	if len(s.Fields) == 0 {
		return func(p *Pipeline) bool {
			return fail(p, logline.Logfmt(p.line, s.Strict, func(key, value string) {
				if value != "" || s.KeepEmpty {
					p.labels.extract(logline.Name(key), value)
				}
			}))
		}
	}
	found := make([]string, len(s.Fields))
	seen := make([]bool, len(s.Fields))
	return func(p *Pipeline) bool {
		clear(found)
		clear(seen)
		err := logline.Logfmt(p.line, s.Strict, func(key, value string) {
			for i, f := range s.Fields {
				if f.Path == key && !seen[i] {
					found[i], seen[i] = value, true
				}
			}
		})
		for i, f := range s.Fields {
			if seen[i] && (found[i] != "" || s.KeepEmpty) || !seen[i] && err == nil {
				p.labels.extract(f.Label, found[i])
			}
		}
		return fail(p, err)
	}
}

func compileRegexp(s *logql.RegexpParser) (step, error) {
	re, err := regexp.Compile(s.Text)
	if err != nil {
		return nil, err
	}
	names := re.SubexpNames()
	return func(p *Pipeline) bool {
		m := re.FindStringSubmatchIndex(p.line)
		for i := 1; m != nil && i < len(names); i++ {
			if names[i] != "" && m[2*i] >= 0 {
				p.labels.extract(names[i], p.line[m[2*i]:m[2*i+1]])
			}
		}
		return true
	}, nil
}

// unpackedLine is the field of a packed line that is the line.
const unpackedLine = "_entry"

func unpack(p *Pipeline) bool {
	line := p.line
	err := logline.UnpackJSON(p.line, func(key, value string) {
		if key == unpackedLine {
			line = value
		} else {
			p.labels.extract(logline.Name(key), value)
		}
	})
	if err != nil {
		p.labels.fail(jsonError, err.Error())
		return true
	}
	p.line = line
	return true
}

func compileLineFormat(s *logql.LineFormat) (step, error) {
	t, err := logline.ParseTemplate(s.Template)
	return func(p *Pipeline) bool {
		p.labels.fill(p.values)
		line, err := t.Render(p.values, p.line, p.entry.Time)
		if err != nil {
			p.labels.fail(templateError, err.Error())
			return true
		}
		p.line = line
		return true
	}, err
}

func compileLabelFormat(s *logql.LabelFormat) (step, error) {
	templates := make([]*logline.Template, len(s.Sets))
	for i, set := range s.Sets {
		if set.From != "" {
			continue
		}
		var err error
		if templates[i], err = logline.ParseTemplate(set.Template); err != nil {
			return nil, err
		}
	}
	return func(p *Pipeline) bool {
		for i, set := range s.Sets {
			if templates[i] == nil {
				if value, ok := p.labels.Get(set.From); ok {
					p.labels.set(set.Label, value)
					p.labels.remove(set.From)
				}
				continue
			}
			p.labels.fill(p.values)
			value, err := templates[i].Render(p.values, p.line, p.entry.Time)
			if err != nil {
				p.labels.fail(templateError, err.Error())
				continue
			}
			p.labels.set(set.Label, value)
		}
		return true
	}, nil
}

func compilePicks(picks []logql.Pick, stays func(l *Labels, name string, picked bool) bool) (step, error) {
	tests := make([]func(string) bool, len(picks))
	for i, pick := range picks {
		tests[i] = func(string) bool { return true }
		if pick.Matcher != nil {
			var err error
			if tests[i], err = CompileMatcher(pick.Matcher.Op, pick.Matcher.Value); err != nil {
				return nil, err
			}
		}
	}
	picked := func(name, value string) bool {
		for i := range picks {
			if picks[i].Name == name && tests[i](value) {
				return true
			}
		}
		return false
	}
	return func(p *Pipeline) bool {
		l := &p.labels
		kept := l.list[:0]
		for _, it := range l.list {
			if stays(l, it.Name, picked(it.Name, it.Value)) {
				kept = append(kept, it)
			}
		}
		l.list = kept
		// Keep leaves errors where they are: they are not for it to hide.
		if l.kind != "" && picked(ErrorLabel, l.kind) && !stays(l, ErrorLabel, true) {
			l.kind = ""
		}
		if l.details != "" && picked(DetailsLabel, l.details) && !stays(l, DetailsLabel, true) {
			l.details = ""
		}
		return true
	}, nil
}

// Unwrap makes a number of a label, which leaves the record; not ok drops the
// record's sample. What is no number marks the record.
func Unwrap(u *logql.Unwrap, l *Labels) (value float64, ok bool) {
	text, there := l.Get(u.Label)
	if !there || text == "" {
		return 0, false
	}
	var err error
	switch u.Convert {
	case "bytes":
		value, err = logline.ParseBytes(text)
	case "duration", "duration_seconds":
		var d time.Duration
		d, err = time.ParseDuration(text)
		value = d.Seconds()
	default:
		value, err = strconv.ParseFloat(text, 64)
	}
	if err != nil {
		l.fail(sampleError, err.Error())
		return 0, true
	}
	return value, true
}

// Without removes a label, once what it says has been taken.
func Without(l *Labels, name string) { l.remove(name) }

// Filter asks a pipeline of label filters alone about labels.
func (p *Pipeline) Filter(l *Labels) bool {
	p.labels, *l = *l, p.labels
	defer func() { p.labels, *l = *l, p.labels }()
	for _, s := range p.steps {
		if !s(p) {
			return false
		}
	}
	return true
}
