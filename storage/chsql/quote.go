package chsql

import (
	"strings"
	"unicode/utf8"
)

// quote makes one token of any bytes. ClickHouse reads the same escapes in
// strings ('), and in identifiers (`); what is neither plain nor printable is
// escaped by its bytes, so that a statement is always printable UTF-8.
func quote(s string, mark byte) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte(mark)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == rune(mark) || r == '\\':
			b.WriteByte('\\')
			b.WriteByte(s[i])
		case r < ' ' || r == 0x7f || r == utf8.RuneError && n == 1:
			const digits = "0123456789ABCDEF"
			b.WriteString(`\x`)
			b.WriteByte(digits[s[i]>>4])
			b.WriteByte(digits[s[i]&15])
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	b.WriteByte(mark)
	return b.String()
}
