package logql

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// quote is a text as a query writes it; names are bare where they can be.
func quote(s string) string { return strconv.Quote(s) }

func printName(s string) string {
	if s != "" && isLetter(s[0]) && nameLength(s) == len(s) {
		return s
	}
	return quote(s)
}

func printNames(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = printName(n)
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// PrintSpan is a duration as a query writes it: in whole units, largest first.
func PrintSpan(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	out := ""
	if d < 0 {
		out, d = "-", -d
	}
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}, {"us", time.Microsecond}, {"ns", 1}} {
		if n := d / u.size; n > 0 {
			out += strconv.FormatInt(int64(n), 10) + u.name
			d -= n * u.size
		}
	}
	return out
}

func printNumber(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// String is name, operator and quoted value.
func (m Matcher) String() string { return printName(m.Name) + string(m.Op) + quote(m.Value) }

// Selector is a list of matchers in braces.
func Selector(matchers []Matcher) string {
	out := make([]string, len(matchers))
	for i, m := range matchers {
		out[i] = m.String()
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func (l *Log) String() string {
	out := Selector(l.Matchers)
	for _, s := range l.Stages {
		out += " " + s.String()
	}
	return out
}

func (f *LineFilter) String() string {
	texts := make([]string, len(f.Texts))
	for i, t := range f.Texts {
		if texts[i] = quote(t.Text); t.IP {
			texts[i] = "ip(" + texts[i] + ")"
		}
	}
	return string(f.Op) + " " + strings.Join(texts, " or ")
}

func (f *LabelFilter) String() string { return "| " + f.Cond.String() }

func (c *And) String() string { return printCond(c.Left, false) + " and " + printCond(c.Right, true) }
func (c *Or) String() string {
	if _, or := c.Right.(*Or); or {
		return c.Left.String() + " or (" + c.Right.String() + ")"
	}
	return c.Left.String() + " or " + c.Right.String()
}

// printCond is an operand of and.
func printCond(c Cond, right bool) string {
	_, or := c.(*Or)
	if _, and := c.(*And); or || and && right {
		return "(" + c.String() + ")"
	}
	return c.String()
}

func (c *Compare) String() string {
	name := printName(c.Name)
	switch c.Kind {
	case Text:
		return name + c.Op + quote(c.Text)
	case IP:
		return name + c.Op + "ip(" + quote(c.Text) + ")"
	}
	return name + " " + c.Op + " " + c.Text
}

func printFields(fields []Extraction) string {
	out := ""
	for i, f := range fields {
		if i > 0 {
			out += ","
		}
		out += " " + f.Label
		if f.Path != f.Label {
			out += "=" + quote(f.Path)
		}
	}
	return out
}

func (s *JSON) String() string { return "| json" + printFields(s.Fields) }

func (s *Logfmt) String() string {
	out := "| logfmt"
	if s.Strict {
		out += " --strict"
	}
	if s.KeepEmpty {
		out += " --keep-empty"
	}
	return out + printFields(s.Fields)
}

func (s *Pattern) String() string      { return "| pattern " + quote(s.Text) }
func (s *RegexpParser) String() string { return "| regexp " + quote(s.Text) }
func (s *Unpack) String() string       { return "| unpack" }
func (s *Decolorize) String() string   { return "| decolorize" }
func (s *LineFormat) String() string   { return "| line_format " + quote(s.Template) }

func (s *LabelFormat) String() string {
	out := make([]string, len(s.Sets))
	for i, set := range s.Sets {
		if set.From != "" {
			out[i] = printName(set.Label) + "=" + set.From
		} else {
			out[i] = printName(set.Label) + "=" + quote(set.Template)
		}
	}
	return "| label_format " + strings.Join(out, ", ")
}

func printPicks(picks []Pick) string {
	out := make([]string, len(picks))
	for i, p := range picks {
		if out[i] = printName(p.Name); p.Matcher != nil {
			out[i] = p.Matcher.String()
		}
	}
	return strings.Join(out, ", ")
}

func (s *Drop) String() string { return "| drop " + printPicks(s.Picks) }
func (s *Keep) String() string { return "| keep " + printPicks(s.Picks) }

func (u *Unwrap) String() string {
	if u.Convert != "" {
		return "| unwrap " + u.Convert + "(" + printName(u.Label) + ")"
	}
	return "| unwrap " + printName(u.Label)
}

func (g *Grouping) String() string {
	if g.Without {
		return "without " + printNames(g.Labels)
	}
	return "by " + printNames(g.Labels)
}

func (r *Range) String() string {
	out := r.Op + "("
	if r.Op == "quantile_over_time" {
		out += printNumber(r.Param) + ", "
	}
	out += r.Log.String()
	if r.Unwrap != nil {
		out += " " + r.Unwrap.String()
		for _, f := range r.AfterUnwrap {
			out += " " + f.String()
		}
	}
	out += " [" + PrintSpan(r.Window) + "]"
	if r.Offset != 0 {
		out += " offset " + PrintSpan(r.Offset)
	}
	out += ")"
	if r.Grouping != nil {
		out += " " + r.Grouping.String()
	}
	return out
}

func (a *Aggregation) String() string {
	out := a.Op
	if a.Grouping != nil {
		out += " " + a.Grouping.String() + " "
	}
	if param, _ := isAggregation(a.Op); param {
		return fmt.Sprintf("%s(%s, %s)", out, printNumber(a.Param), a.Inner)
	}
	return fmt.Sprintf("%s(%s)", out, a.Inner)
}

func (b *Binary) String() string {
	left, right := printOperand(b.Left, b.Op, false), printOperand(b.Right, b.Op, true)
	return left + " " + b.Op + b.modifierText() + " " + right
}

func (b *Binary) modifierText() string {
	out := ""
	if b.Bool {
		out += " bool"
	}
	if m := b.Matching; m != nil {
		if out += " ignoring "; m.On {
			out = strings.TrimSuffix(out, "ignoring ") + "on "
		}
		out += printNames(m.Labels)
		if m.Group != "" {
			out += " " + m.Group + " " + printNames(m.Include)
		}
	}
	return out
}

func printOperand(e Metric, op string, right bool) string {
	if n, ok := e.(*Number); ok && !right && op == "^" && n.Value < 0 {
		return "(" + n.String() + ")"
	}
	b, ok := e.(*Binary)
	if !ok {
		return e.String()
	}
	inner, outer := precedence(b.Op), precedence(op)
	if inner < outer || inner == outer && right != (op == "^") {
		return "(" + b.String() + ")"
	}
	return b.String()
}

func (n *Number) String() string { return printNumber(n.Value) }
func (v *Vector) String() string { return "vector(" + printNumber(v.Value) + ")" }

func (l *LabelReplace) String() string {
	return fmt.Sprintf("label_replace(%s, %s, %s, %s, %s)", l.Inner, quote(l.Dst), quote(l.Replacement), quote(l.Src), quote(l.Pattern))
}

// width is how long a line of Pretty may be.
const width = 80

// Pretty is the query over several lines where one would be too long.
func Pretty(e Expr) string { return pretty(e, 0) }

func pretty(e Expr, level int) string {
	pad := strings.Repeat("  ", level)
	if flat := e.String(); len(pad)+len(flat) <= width {
		return pad + flat
	}
	switch e := e.(type) {
	case *Log:
		out := pad + Selector(e.Matchers)
		for _, s := range e.Stages {
			out += "\n" + pad + "  " + s.String()
		}
		return out
	case *Range:
		return prettyRange(e, level)
	case *Aggregation:
		head := e.Op
		if e.Grouping != nil {
			head += " " + e.Grouping.String() + " "
		}
		head += "("
		if param, _ := isAggregation(e.Op); param {
			head += "\n" + pad + "  " + printNumber(e.Param) + ","
		}
		return pad + head + "\n" + pretty(e.Inner, level+1) + "\n" + pad + ")"
	case *Binary:
		return prettyOperand(e.Left, e.Op, false, level) + "\n" + pad + e.Op + e.modifierText() + "\n" + prettyOperand(e.Right, e.Op, true, level)
	case *LabelReplace:
		return fmt.Sprintf("%slabel_replace(\n%s,\n%s  %s, %s, %s, %s\n%s)", pad, pretty(e.Inner, level+1), pad, quote(e.Dst), quote(e.Replacement), quote(e.Src), quote(e.Pattern), pad)
	}
	return pad + e.String()
}

func prettyOperand(e Metric, op string, right bool, level int) string {
	if strings.HasPrefix(printOperand(e, op, right), "(") {
		pad := strings.Repeat("  ", level)
		return pad + "(\n" + pretty(e, level+1) + "\n" + pad + ")"
	}
	return pretty(e, level+1)
}

func prettyRange(r *Range, level int) string {
	pad := strings.Repeat("  ", level)
	out := pad + r.Op + "(\n"
	if r.Op == "quantile_over_time" {
		out += pad + "  " + printNumber(r.Param) + ",\n"
	}
	out += pretty(r.Log, level+1)
	if r.Unwrap != nil {
		out += "\n" + pad + "    " + r.Unwrap.String()
		for _, f := range r.AfterUnwrap {
			out += " " + f.String()
		}
	}
	out += " [" + PrintSpan(r.Window) + "]"
	if r.Offset != 0 {
		out += " offset " + PrintSpan(r.Offset)
	}
	out += "\n" + pad + ")"
	if r.Grouping != nil {
		out += " " + r.Grouping.String()
	}
	return out
}
