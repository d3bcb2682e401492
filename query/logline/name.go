package logline

import "strings"

// Name is a key as a label: what is no ASCII letter, digit or underscore becomes
// an underscore, and one is put before a digit at the start. It is the spelling
// under which attributes of any name are found.
func Name(key string) string {
	plain := key != "" && (key[0] < '0' || key[0] > '9')
	for i := 0; plain && i < len(key); i++ {
		plain = nameByte(key[i])
	}
	if plain || key == "" {
		return key
	}
	var b strings.Builder
	b.Grow(len(key) + 1)
	if key[0] >= '0' && key[0] <= '9' {
		b.WriteByte('_')
	}
	for _, r := range key {
		if r < 0x80 && nameByte(byte(r)) {
			b.WriteByte(byte(r))
		} else {
			b.WriteByte('_')
		}
	}
	return b.String()
}

func nameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
