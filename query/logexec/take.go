package logexec

import (
	"regexp"
	"slices"
	"strings"

	"github.com/trefoil-o11y/trefoil/query/logline"
	"github.com/trefoil-o11y/trefoil/query/logpipe"
	"github.com/trefoil-o11y/trefoil/query/logql"
	"github.com/trefoil-o11y/trefoil/storage/attrcol"
	"github.com/trefoil-o11y/trefoil/storage/logstore"
)

// taken is what the server may do of a pipeline's first parser and of what is behind
// it, for the lines that it is sure to take apart as the parser does.
type taken struct {
	parser *logstore.Parser
	open   bool        // nothing but filters came behind it so far
	whole  bool        // the server may do all of the pipeline
	found  []foundCond // conditions behind it
}

// foundCond is a condition behind a parser, and the names it asks for.
type foundCond struct {
	cond           logstore.Cond
	texts, numbers []string
}

// take takes a stage for the parser; false if the server does not know it. Labels are
// still as stored if it is the first that makes some.
func (p *pushed) take(s logql.Stage, labels bool) bool {
	if !labels {
		return false
	}
	parser := parserOf(s)
	if parser == nil {
		return false
	}
	p.taken = taken{parser: parser, open: true, whole: p.exact}
	return true
}

// close ends what the server may do behind the parser.
func (t *taken) close() { t.open, t.whole = false, false }

// behind takes a label filter behind the parser.
func (p *pushed) behind(c logql.Cond) {
	if !p.open {
		p.whole = false
		return
	}
	f := foundCond{}
	cond, ok := condOf(c, f.compare)
	if p.whole = p.whole && ok; !ok {
		return
	}
	f.cond = cond
	p.found = append(p.found, f)
}

func (f *foundCond) compare(c *logql.Compare) (logstore.Cond, bool) {
	if c.Kind == logql.Text && (c.Name == logpipe.ErrorLabel || c.Name == logpipe.DetailsLabel) {
		test, err := logpipe.CompileMatcher(logql.MatchOp(c.Op), c.Text)
		if err != nil {
			return nil, false
		}
		if test("") { // of the lines that the server is sure of none has an error
			return logstore.All{}, true
		}
		return logstore.Any{}, true
	}
	if !plainName(c.Name) {
		return nil, false
	}
	switch c.Kind {
	case logql.Text:
		f.texts = append(f.texts, c.Name)
		return logstore.Label{Name: c.Name, Value: c.Text, Op: textOp(c.Op)}, true
	case logql.Float:
		f.numbers = append(f.numbers, c.Name)
		return logstore.Number{Name: c.Name, Value: c.Number, Op: numberOp(c.Op)}, true
	}
	return nil, false
}

// textOp is an operator of texts, numberOp one of numbers.
func textOp(op string) attrcol.Op {
	return map[string]attrcol.Op{"=": attrcol.Equal, "!=": attrcol.NotEqual, "=~": attrcol.Regexp, "!~": attrcol.NotRegexp}[op]
}

func numberOp(op string) attrcol.Op {
	return map[string]attrcol.Op{"==": attrcol.Equal, "!=": attrcol.NotEqual, ">": attrcol.Greater, ">=": attrcol.GreaterOrEqual, "<": attrcol.Less, "<=": attrcol.LessOrEqual}[op]
}

// plainName is whether a name behind a parser means what is stored or found under it.
func plainName(name string) bool {
	return logline.Name(name) == name && !strings.HasPrefix(name, "__") && !strings.HasSuffix(name, "_extracted") &&
		name != "observed_timestamp" && name != "flags"
}

// parserOf is a stage as a parser the server knows, or nil.
func parserOf(s logql.Stage) *logstore.Parser {
	switch s := s.(type) {
	case *logql.JSON:
		return fieldsOf(logstore.JSON, s.Fields, func(path string) []string {
			parsed, err := logline.ParseJSONPath(path)
			if err != nil {
				return nil
			}
			keys, _ := parsed.Keys()
			return keys
		})
	case *logql.Logfmt:
		if s.KeepEmpty {
			return nil
		}
		return fieldsOf(logstore.Logfmt, s.Fields, func(key string) []string { return []string{key} })
	case *logql.Pattern:
		p, err := logline.ParsePattern(s.Text)
		if err != nil {
			return nil
		}
		groups := map[string]int{}
		for i, name := range p.Names() {
			groups[name] = i + 1
		}
		return &logstore.Parser{Form: logstore.Regexp, Pattern: p.Regexp(), Groups: groups, Matching: true}
	case *logql.RegexpParser:
		return regexpOf(s.Text)
	}
	return nil
}

func fieldsOf(form logstore.ParserForm, fields []logql.Extraction, way func(path string) []string) *logstore.Parser {
	p := &logstore.Parser{Form: form}
	for _, f := range fields {
		if p.Fields == nil {
			p.Fields = map[string][]string{}
		}
		keys := way(f.Path)
		if _, twice := p.Fields[f.Label]; twice || len(keys) == 0 {
			return nil
		}
		p.Fields[f.Label] = keys
	}
	return p
}

// Regular expressions that the server may not read as Go does: classes of Unicode and
// folding of letters beyond ASCII differ by version, and the size of what a pattern
// becomes is limited otherwise.
var (
	foreign = regexp.MustCompile(`\\[pPC]|\(\?<|[^\x00-\x7f]`)
	large   = regexp.MustCompile(`\{[0-9,]*[0-9]{3}`)
)

func regexpOf(text string) *logstore.Parser {
	if len(text) > 1000 || foreign.MatchString(text) || large.MatchString(text) {
		return nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil
	}
	groups := map[string]int{}
	for i, name := range re.SubexpNames() {
		if name == "" {
			continue
		}
		groups[name] = i
	}
	return &logstore.Parser{Form: logstore.Regexp, Pattern: text, Groups: groups}
}

// asks is whether a condition behind the parser is on a name.
func (t *taken) asks(name string) bool {
	return slices.ContainsFunc(t.found, func(f foundCond) bool { return slices.Contains(f.texts, name) || slices.Contains(f.numbers, name) })
}

// names are those that conditions behind the parser are on.
func (t *taken) names() (texts, numbers []string) {
	for _, f := range t.found {
		texts, numbers = append(texts, f.texts...), append(numbers, f.numbers...)
	}
	return texts, numbers
}

// behindParser are the conditions behind the parser that the server may filter by, where
// names mean what m says: they let pass what it is not sure of.
func (t *taken) behindParser(m logstore.Meanings) []logstore.Cond {
	var out []logstore.Cond
	for _, f := range t.found {
		if !t.parser.Knows(m, slices.Concat(f.texts, f.numbers)) {
			continue
		}
		sure := logstore.Sure{Parser: t.parser, Texts: f.texts, Numbers: f.numbers}
		out = append(out, logstore.Any{logstore.Not{Cond: sure}, logstore.Behind{Parser: t.parser, Cond: f.cond}})
	}
	return out
}
