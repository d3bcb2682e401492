package logpipe

import (
	"slices"
	"strconv"
	"strings"
)

// Label is a name and a value.
type Label struct{ Name, Value string }

// Source is where a label is from.
type Source uint8

// The sources, the first of which keeps a name that several have.
const (
	Stream   Source = iota // the resource
	Metadata               // the record and its scope
	Parsed                 // the pipeline
)

// Names of the labels that say what went wrong.
const (
	ErrorLabel   = "__error__"
	DetailsLabel = "__error_details__"
)

// extracted is the suffix of a label whose name is taken.
const extracted = "_extracted"

// Labels are the labels of one record on its way through a pipeline. A name that
// comes from several sources belongs to the first of Stream, Metadata and Parsed;
// the last of the others is kept under the name with the suffix _extracted.
type Labels struct {
	list          []item
	kind, details string // of an error
	scratch       []Label
}

type item struct {
	Label
	source Source
	spilt  bool // lost its name to an earlier source
}

// reset begins with a record's own labels.
func (l *Labels) reset(e *Entry) {
	l.list, l.kind, l.details = l.list[:0], "", ""
	for _, s := range e.Stream {
		l.list = append(l.list, item{Label: s, source: Stream})
	}
	streams := len(l.list)
	for _, m := range e.Metadata {
		if i := l.find(m.Name); i < 0 {
			l.list = append(l.list, item{Label: m, source: Metadata})
		} else if i < streams {
			l.list = append(l.list, item{Label: Label{m.Name + extracted, m.Value}, source: Metadata, spilt: true})
		}
	}
}

func (l *Labels) find(name string) int {
	for i := range l.list {
		if l.list[i].Name == name {
			return i
		}
	}
	return -1
}

// Get is a label's value; errors are labels too.
func (l *Labels) Get(name string) (string, bool) {
	switch name {
	case ErrorLabel:
		return l.kind, l.kind != ""
	case DetailsLabel:
		return l.details, l.details != ""
	}
	if i := l.find(name); i >= 0 {
		return l.list[i].Value, true
	}
	return "", false
}

// extract adds what a parser found. The first of equal names stays.
func (l *Labels) extract(name, value string) {
	if name == "" {
		return
	}
	i := l.find(name)
	if i >= 0 && l.list[i].source != Parsed {
		name += extracted
		i = l.find(name)
		if i >= 0 && l.list[i].spilt {
			l.list[i] = item{Label: Label{name, value}, source: Parsed}
			return
		}
	}
	if i < 0 {
		l.list = append(l.list, item{Label: Label{name, value}, source: Parsed})
	}
}

// set gives a label a value, whatever it had.
func (l *Labels) set(name, value string) {
	if i := l.find(name); i >= 0 {
		l.list[i] = item{Label: Label{name, value}, source: Parsed}
		return
	}
	l.list = append(l.list, item{Label: Label{name, value}, source: Parsed})
}

func (l *Labels) remove(name string) {
	switch name {
	case ErrorLabel:
		l.kind = ""
		return
	case DetailsLabel:
		l.details = ""
		return
	}
	l.list = slices.DeleteFunc(l.list, func(i item) bool { return i.Name == name })
}

// fail marks the record; the first error stays.
func (l *Labels) fail(kind, details string) {
	if l.kind == "" {
		l.kind, l.details = kind, details
	}
}

// Failed is the kind of what went wrong with the record, "" if nothing did, and
// the details.
func (l *Labels) Failed() (kind, details string) { return l.kind, l.details }

// All are the labels sorted by name, errors among them. The slice is valid until
// the next record.
func (l *Labels) All() []Label {
	l.scratch = l.scratch[:0]
	for i := range l.list {
		l.scratch = append(l.scratch, l.list[i].Label)
	}
	return l.finish()
}

// Of are the labels of one source, as All.
func (l *Labels) Of(s Source) []Label {
	l.scratch = l.scratch[:0]
	for i := range l.list {
		if l.list[i].source == s {
			l.scratch = append(l.scratch, l.list[i].Label)
		}
	}
	if s != Parsed {
		SortLabels(l.scratch)
		return l.scratch
	}
	return l.finish()
}

func (l *Labels) finish() []Label {
	if l.kind != "" {
		l.scratch = append(l.scratch, Label{ErrorLabel, l.kind})
	}
	if l.details != "" {
		l.scratch = append(l.scratch, Label{DetailsLabel, l.details})
	}
	SortLabels(l.scratch)
	return l.scratch
}

// fill puts the labels into a map for a template.
func (l *Labels) fill(m map[string]string) {
	clear(m)
	for i := range l.list {
		m[l.list[i].Name] = l.list[i].Value
	}
	if l.kind != "" {
		m[ErrorLabel], m[DetailsLabel] = l.kind, l.details
	}
}

// SortLabels sorts by name.
func SortLabels(list []Label) {
	slices.SortFunc(list, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
}

// Text is labels as a selector writes them.
func Text(list []Label) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, l := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(l.Name + "=" + strconv.Quote(l.Value))
	}
	b.WriteByte('}')
	return b.String()
}
