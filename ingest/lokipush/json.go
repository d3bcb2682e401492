package lokipush

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/trefoil-o11y/trefoil/ingest"
)

// json reads a request of the form
//
//	{"streams": [{"stream": {"app": "shop"}, "values": [["1700000000000000000", "a line", {"key": "value"}]]}]}
//
// whose third element, the structured metadata, may be absent. It is read
// token by token, so that what is in memory is one entry.
func (r *reader) json(data []byte) {
	p := jsonReader{reader: r, dec: json.NewDecoder(bytes.NewReader(data)), data: data}
	p.dec.UseNumber()
	p.object("", func(key string) {
		if key != "streams" {
			p.skip()
			return
		}
		p.array(key, func(i int) { p.stream(fmt.Sprintf("streams[%d]", i)) })
	})
	if r.err == nil {
		if _, err := p.dec.Token(); err != io.EOF {
			p.fail("", errors.New("something follows the request"))
		}
	}
}

// jsonReader reads tokens until the reader has an error.
type jsonReader struct {
	*reader
	dec  *json.Decoder
	data []byte
}

func (p *jsonReader) fail(path string, err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("cut short")
	}
	p.stop(&ingest.MalformedError{Format: "JSON", Offset: int(p.dec.InputOffset()), Path: path, Err: err})
}

func (p *jsonReader) token(path string) json.Token {
	if p.err != nil {
		return nil
	}
	t, err := p.dec.Token()
	if err != nil {
		p.fail(path, err)
		return nil
	}
	return t
}

func (p *jsonReader) text(path string) string {
	t := p.token(path)
	s, ok := t.(string)
	if !ok && p.err == nil {
		p.fail(path, fmt.Errorf("%v is not a string", t))
	}
	return s
}

func (p *jsonReader) delim(path string, want json.Delim) bool {
	t := p.token(path)
	if p.err == nil && t != want {
		p.fail(path, fmt.Errorf("want %v, got %v", want, t))
	}
	return p.err == nil
}

// object calls each with every key; each reads the value.
func (p *jsonReader) object(path string, each func(key string)) {
	if !p.delim(path, '{') {
		return
	}
	for p.err == nil && p.dec.More() {
		if key := p.text(path); p.err == nil {
			each(key)
		}
	}
	p.delim(path, '}')
}

// array calls each with every index; each reads the element.
func (p *jsonReader) array(path string, each func(i int)) {
	if !p.delim(path, '[') {
		return
	}
	for i := 0; p.err == nil && p.dec.More(); i++ {
		each(i)
	}
	p.delim(path, ']')
}

// skip passes over a value. It nests no deeper than it has tokens.
func (p *jsonReader) skip() {
	for depth := 0; p.err == nil; {
		switch p.token("") {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return
		}
	}
}

// stream reads a stream: labels first, wherever they are.
func (p *jsonReader) stream(path string) {
	p.reader.stream = stream{labels: p.reader.stream.labels[:0]}
	labelled := false
	var waiting []byte // the values, when they come before the labels
	enter := func() {
		if !labelled {
			p.enter()
		}
		labelled = true
	}
	p.object(path, func(key string) {
		switch key {
		case "stream":
			if labelled {
				p.fail(path, errors.New("stream is there twice"))
				return
			}
			p.object(path+".stream", func(name string) { p.label(name, p.text(path+".stream."+name)) })
			enter()
		case "values":
			if labelled {
				p.values(path + ".values")
				return
			}
			start := p.dec.InputOffset()
			p.skip()
			if waiting != nil {
				p.fail(path, errors.New("values is there twice"))
			} else if p.err == nil {
				waiting = bytes.TrimLeft(p.data[start:p.dec.InputOffset()], ": \t\r\n")
			}
		default:
			p.skip()
		}
	})
	if p.err != nil {
		return
	}
	enter()
	if waiting != nil {
		later := jsonReader{reader: p.reader, dec: json.NewDecoder(bytes.NewReader(waiting)), data: waiting}
		later.dec.UseNumber()
		later.values(path + ".values")
	}
}

func (p *jsonReader) values(path string) {
	p.array(path, func(i int) { p.entry(fmt.Sprintf("%s[%d]", path, i)) })
}

// entry reads one entry.
func (p *jsonReader) entry(path string) {
	p.begin()
	var time int64
	var line string
	n := 0
	p.array(path, func(i int) {
		switch n = i + 1; i {
		case 0:
			time = p.time(path + "[0]")
		case 1:
			line = p.text(path + "[1]")
		case 2:
			p.object(path+"[2]", func(name string) { p.metadata(name, p.text(path+"[2]."+name)) })
		default:
			p.skip()
		}
	})
	if p.err == nil && n < 2 {
		p.fail(path, errors.New("want a time and a line"))
	}
	if p.err == nil {
		p.add(time, line)
	}
}

// time is text of Unix nanoseconds. One that has passed since 1970 and does not
// fit is negative, as OTLP's.
func (p *jsonReader) time(path string) int64 {
	text := p.text(path)
	if p.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return -1
	case err != nil:
		p.fail(path, fmt.Errorf("%.40q is not a number of nanoseconds", text))
		return 0
	case n < 0:
		return 1 // long ago
	}
	return n
}
