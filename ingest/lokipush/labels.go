package lokipush

import (
	"fmt"
	"strconv"
	"strings"
)

// parseLabels reads a stream's labels as they are written in a selector,
//
//	{app="shop", env='prod'}
//
// and hands each to label. The position in the error is in bytes from 0.
func parseLabels(text string, label func(name, value string)) error {
	p := labelParser{text: text}
	p.space()
	if !p.take('{') {
		return p.want("{")
	}
	for p.space(); !p.take('}'); p.space() {
		name := p.name()
		if name == "" {
			return p.want("a label name or }")
		}
		p.space()
		if !p.take('=') {
			return p.want("=")
		}
		p.space()
		value, err := p.quoted()
		if err != nil {
			return err
		}
		label(name, value)
		p.space()
		if !p.take(',') && !p.at('}') {
			return p.want(", or }")
		}
	}
	if p.space(); p.pos < len(text) {
		return p.want("the end")
	}
	return nil
}

type labelParser struct {
	text string
	pos  int
}

func (p *labelParser) want(what string) error {
	got := "the end"
	if p.pos < len(p.text) {
		got = strconv.QuoteRune([]rune(p.text[p.pos:min(len(p.text), p.pos+4)])[0])
	}
	return fmt.Errorf("labels %.200q: at %d: want %s, got %s", p.text, p.pos, what, got)
}

func (p *labelParser) at(c byte) bool { return p.pos < len(p.text) && p.text[p.pos] == c }

func (p *labelParser) take(c byte) bool {
	if !p.at(c) {
		return false
	}
	p.pos++
	return true
}

func (p *labelParser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// name is an identifier, or anything between double quotes.
func (p *labelParser) name() string {
	if p.at('"') {
		name, err := p.quoted()
		if err != nil {
			return ""
		}
		return name
	}
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (p.pos == start || c < '0' || c > '9') {
			break
		}
		p.pos++
	}
	return p.text[start:p.pos]
}

// quoted is a string in double, single or back quotes, with Go's escapes in all
// but the last.
func (p *labelParser) quoted() (string, error) {
	if p.pos == len(p.text) || strings.IndexByte("\"'`", p.text[p.pos]) < 0 {
		return "", p.want("a quoted string")
	}
	start, quote := p.pos, p.text[p.pos]
	for p.pos++; p.pos < len(p.text) && p.text[p.pos] != quote; p.pos++ {
		if p.text[p.pos] == '\\' && quote != '`' {
			p.pos++
		}
	}
	if p.pos >= len(p.text) {
		p.pos = start
		return "", p.want("a string with an end")
	}
	p.pos++
	value, ok := unquote(p.text[start+1:p.pos-1], quote)
	if !ok {
		p.pos = start
		return "", p.want("a string with known escapes")
	}
	return value, nil
}

func unquote(inner string, quote byte) (string, bool) {
	if quote == '`' || strings.IndexByte(inner, '\\') < 0 && strings.IndexByte(inner, '\n') < 0 {
		return inner, true
	}
	var b strings.Builder
	for len(inner) > 0 {
		if inner[0] == '\n' {
			return "", false
		}
		r, multibyte, tail, err := strconv.UnquoteChar(inner, quote)
		if err != nil {
			return "", false
		}
		if r < 0x80 || !multibyte {
			b.WriteByte(byte(r))
		} else {
			b.WriteRune(r)
		}
		inner = tail
	}
	return b.String(), true
}
