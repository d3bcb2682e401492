package logql

import (
	"time"
)

// Expr is a query: *Log, or a Metric.
type Expr interface {
	// String is the query in its canonical form; parsed again it is the same
	// query.
	String() string
}

// Metric is an expression whose value is samples: *Range, *Aggregation, *Binary,
// *Number, *Vector or *LabelReplace.
type Metric interface {
	Expr
	metric()
}

// MatchOp compares a text.
type MatchOp string

// The operators of matchers. Patterns are RE2 and match the whole text.
const (
	Equal     MatchOp = "="
	NotEqual  MatchOp = "!="
	Regexp    MatchOp = "=~"
	NotRegexp MatchOp = "!~"
)

// Matcher is a condition on the text of one label; a label that is not there has
// the text "".
type Matcher struct {
	Name  string
	Op    MatchOp
	Value string
}

// Log selects records and says what becomes of their lines.
type Log struct {
	Matchers []Matcher
	Stages   []Stage
}

// Stage is a step of a pipeline.
type Stage interface {
	String() string
	stage()
}

// LineOp is how a line filter looks at the line.
type LineOp string

// The line filters.
const (
	Contains    LineOp = "|="
	NotContains LineOp = "!="
	Matches     LineOp = "|~"
	NotMatches  LineOp = "!~"
	Like        LineOp = "|>"
	NotLike     LineOp = "!>"
)

// Negative is whether the filter drops what it finds.
func (o LineOp) Negative() bool { return o[0] == '!' }

// LineFilter keeps the lines in which one of the texts is found or, if Op is
// negative, none.
type LineFilter struct {
	Op    LineOp
	Texts []LineText
}

// LineText is what a line filter looks for; an address range if IP is set.
type LineText struct {
	Text string
	IP   bool
}

// LabelFilter keeps the lines whose labels a condition holds for.
type LabelFilter struct{ Cond Cond }

// Cond is a condition on labels: *And, *Or or *Compare.
type Cond interface {
	String() string
	cond()
}

// And holds where both hold.
type And struct{ Left, Right Cond }

// Or holds where one holds.
type Or struct{ Left, Right Cond }

// ValueKind is what a label is compared as.
type ValueKind uint8

// The kinds of a comparison.
const (
	Text ValueKind = iota
	Float
	Duration // Number is in seconds
	Bytes    // Number is in bytes
	IP
)

// Compare is one predicate on a label.
type Compare struct {
	Name   string
	Op     string // of text: = != =~ !~; of numbers: == != > >= < <=; of addresses: = !=
	Kind   ValueKind
	Text   string  // the text, the pattern, the range; of numbers the literal as written
	Number float64 // of numbers
}

// Extraction takes a field of the line for a label.
type Extraction struct {
	Label string
	Path  string // an expression of json, a key of logfmt
}

// JSON takes fields of a JSON object: all, or those named.
type JSON struct{ Fields []Extraction }

// Logfmt takes the pairs of a logfmt line: all, or those named.
type Logfmt struct {
	Strict    bool // an error where the line is not logfmt, not what can be read of it
	KeepEmpty bool // keys without a value are labels with an empty one
	Fields    []Extraction
}

// Pattern takes what a pattern's captures match.
type Pattern struct{ Text string }

// RegexpParser takes what a regular expression's named groups match.
type RegexpParser struct{ Text string }

// Unpack takes the fields of what Promtail's pack stage made.
type Unpack struct{}

// Decolorize takes the colour codes of terminals out of the line.
type Decolorize struct{}

// LineFormat makes the line anew.
type LineFormat struct{ Template string }

// LabelFormat sets labels, one after the other.
type LabelFormat struct{ Sets []LabelSet }

// LabelSet gives a label the value of another, which goes, or of a template.
type LabelSet struct {
	Label    string
	From     string // the label that is renamed; empty if Template is meant
	Template string
}

// Drop removes the labels that one of the picks is of.
type Drop struct{ Picks []Pick }

// Keep removes all labels but those that one of the picks is of.
type Keep struct{ Picks []Pick }

// Pick is a label, or a label with a condition on it.
type Pick struct {
	Name    string
	Matcher *Matcher // nil for any value
}

// Unwrap makes the number in a label the sample's value.
type Unwrap struct {
	Convert string // "", bytes, duration or duration_seconds
	Label   string
}

func (*LineFilter) stage()   {}
func (*LabelFilter) stage()  {}
func (*JSON) stage()         {}
func (*Logfmt) stage()       {}
func (*Pattern) stage()      {}
func (*RegexpParser) stage() {}
func (*Unpack) stage()       {}
func (*Decolorize) stage()   {}
func (*LineFormat) stage()   {}
func (*LabelFormat) stage()  {}
func (*Drop) stage()         {}
func (*Keep) stage()         {}

func (*And) cond()     {}
func (*Or) cond()      {}
func (*Compare) cond() {}

// Grouping is by or without some labels.
type Grouping struct {
	Without bool
	Labels  []string
}

// Range is an aggregation of the records in (t-Window-Offset, t-Offset] for each
// time t.
type Range struct {
	Op           string // rate, count_over_time, ...
	Param        float64
	Log          *Log
	Unwrap       *Unwrap // nil where lines are counted or measured
	AfterUnwrap  []*LabelFilter
	Window       time.Duration
	Offset       time.Duration
	Grouping     *Grouping // nil means by every label
	OffsetInText int       // where in the query the aggregation begins
}

// Aggregation joins the series of a vector.
type Aggregation struct {
	Op       string // sum, topk, ...
	Param    float64
	Inner    Metric
	Grouping *Grouping // nil means into one
}

// Binary joins two values.
type Binary struct {
	Op          string // + - * / % ^ == != > >= < <= and or unless
	Left, Right Metric
	Bool        bool // comparisons answer 0 or 1 and drop nothing
	Matching    *Matching
}

// Matching says which series of two vectors belong together.
type Matching struct {
	On      bool // by Labels, otherwise by all but Labels
	Labels  []string
	Group   string   // "", group_left or group_right
	Include []string // labels taken from the side of which there is one
}

// Number is a number.
type Number struct{ Value float64 }

// Vector is a number as a vector of one sample without labels.
type Vector struct{ Value float64 }

// LabelReplace sets a label from what a pattern finds in another.
type LabelReplace struct {
	Inner                          Metric
	Dst, Replacement, Src, Pattern string
}

func (*Range) metric()        {}
func (*Aggregation) metric()  {}
func (*Binary) metric()       {}
func (*Number) metric()       {}
func (*Vector) metric()       {}
func (*LabelReplace) metric() {}
