package query

import (
	"bufio"
	"net"
	"net/http"
	"sync"
)

// pieceBytes is how much of an answer is sent at once.
const pieceBytes = 64 << 10

// inPieces sends answers in large pieces. What compresses them writes a quarter of a KiB at a time, each of which would be a
// chunk of its own, and most of them a write to the connection and a wake-up of the client.
func inPieces(h http.Handler) http.Handler {
	spare := sync.Pool{New: func() any { return bufio.NewWriterSize(nil, pieceBytes) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buf := spare.Get().(*bufio.Writer)
		buf.Reset(w)
		h.ServeHTTP(&pieces{ResponseWriter: w, buf: buf}, r)
		_ = buf.Flush() // who is gone needs no answer
		buf.Reset(nil)
		spare.Put(buf)
	})
}

// pieces is a response of which a piece is held back until it is full or flushed.
type pieces struct {
	http.ResponseWriter
	buf   *bufio.Writer
	begun bool // the status is said
}

func (p *pieces) WriteHeader(status int) {
	p.begun = p.begun || status >= 200 || status == http.StatusSwitchingProtocols // the last word, too
	p.ResponseWriter.WriteHeader(status)
}

func (p *pieces) Write(b []byte) (int, error) {
	if !p.begun {
		p.WriteHeader(http.StatusOK) // what is said later comes too late, as without pieces
	}
	return p.buf.Write(b)
}

// Flush is for handlers that stream.
func (p *pieces) Flush() {
	if p.buf.Flush() == nil {
		_ = http.NewResponseController(p.ResponseWriter).Flush()
	}
}

// Hijack is for web sockets, which take the connection over before anything is written.
func (p *pieces) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(p.ResponseWriter).Hijack()
}

// Unwrap lets http.ResponseController reach the connection.
func (p *pieces) Unwrap() http.ResponseWriter { return p.ResponseWriter }
