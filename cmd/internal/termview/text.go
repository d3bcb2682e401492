package termview

import (
	"strconv"
)

// OneLine keeps a server's message from breaking, or driving, the terminal.
func OneLine(text string) string {
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}
