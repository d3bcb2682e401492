package logline

import "strings"

// Decolorize takes the escape sequences out by which terminals are told colours.
func Decolorize(line string) string {
	at := strings.IndexByte(line, 0x1b)
	if at < 0 {
		return line
	}
	var b strings.Builder
	b.Grow(len(line))
	for at >= 0 {
		b.WriteString(line[:at])
		line = line[at:]
		n := sequenceLength(line)
		if n == 0 {
			b.WriteByte(line[0])
			n = 1
		}
		line = line[n:]
		at = strings.IndexByte(line, 0x1b)
	}
	b.WriteString(line)
	return b.String()
}

// sequenceLength is that of ESC [ parameters letter at the start of s, or 0.
func sequenceLength(s string) int {
	if len(s) < 3 || s[1] != '[' {
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '@' && c <= '~':
			return i + 1
		case c < ' ' || c > '?':
			return 0
		}
	}
	return 0
}
