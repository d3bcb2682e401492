package conn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// Class tells what a caller can do about a failure.
type Class uint8

const (
	// Internal is a failure that nobody outside can mend.
	Internal Class = iota
	// Unavailable: the server is down, unreachable or overloaded, or its answer
	// was lost. The same statement may succeed later. After an insert the
	// outcome is unknown: repeat it with the same token.
	Unavailable
	// Timeout: the deadline passed.
	Timeout
	// Limit: a limit of the query or the user was hit.
	Limit
	// Rejected: the server will never take this statement or these rows.
	Rejected
	// Canceled: the caller went away.
	Canceled
)

var classNames = [...]string{"internal", "unavailable", "timeout", "limit", "rejected", "canceled"}

// String is the class as metrics and messages spell it.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "internal"
}

// Error is a failure of a statement.
type Error struct {
	Class   Class
	Code    int    // ClickHouse's, 0 where the failure is not the server's word
	Op      string // what was done: select, exec, insert into logs, ...
	Limit   string // of class Limit: the setting that was hit
	Message string // the server's words, or what the network said
	Err     error  // the cause, may be nil
}

// Error is one line: operation, class and message.
func (e *Error) Error() string {
	if e.Code != 0 {
		return fmt.Sprintf("clickhouse: %s: %s (code %d): %s", e.Op, e.Class, e.Code, e.Message)
	}
	return fmt.Sprintf("clickhouse: %s: %s: %s", e.Op, e.Class, e.Message)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf is the class of an error from this package, however deep; Internal
// for any other.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Internal
}

// Misplaced tells a rejection because of where rows were sent, or as whom, from
// one because of the rows: the table or database is not there, the user is
// refused. The same rows are fine once an operator has mended that.
func Misplaced(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case 60, 81, 164, 497, 516:
		return true
	}
	return false
}

// RejectsRows tells whether err is the server's final word on rows. A table or a
// right that is missing is not: that can be mended, and the rows kept.
func RejectsRows(err error) bool { return ClassOf(err) == Rejected && !Misplaced(err) }

// OfTable tells an error of one table, which says nothing about others: it is
// not there, it must not be written to, it is in too many parts.
func OfTable(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case 60, 242, 252, 497:
		return true
	}
	return false
}

// codes sorts ClickHouse's error codes. What is not here is Internal.
var codes = map[int]struct {
	class Class
	limit string
}{
	158:  {Limit, "max_rows_to_read"},
	159:  {Timeout, "max_execution_time"},
	160:  {Timeout, "max_execution_time"}, // too slow
	161:  {Limit, "max_columns_to_read"},
	162:  {Limit, "max_subquery_depth"},
	164:  {Rejected, ""}, // readonly
	167:  {Limit, "max_ast_depth"},
	168:  {Limit, "max_ast_elements"},
	191:  {Limit, "max_rows_in_set"},
	202:  {Unavailable, ""}, // too many simultaneous queries
	201:  {Limit, "quota"},
	209:  {Unavailable, ""}, // socket timeout
	210:  {Unavailable, ""}, // network error
	225:  {Unavailable, ""}, // no Keeper
	236:  {Unavailable, ""}, // aborted: shutting down
	241:  {Limit, "max_memory_usage"},
	242:  {Unavailable, ""}, // table is read only
	243:  {Unavailable, ""}, // disk full
	252:  {Unavailable, ""}, // too many parts
	279:  {Unavailable, ""}, // all connections to shards failed
	285:  {Unavailable, ""}, // too few live replicas
	307:  {Limit, "max_bytes_to_read"},
	319:  {Unavailable, ""}, // insert outcome unknown
	394:  {Canceled, ""},
	396:  {Limit, "max_result_rows"},
	425:  {Unavailable, ""}, // system error, e.g. thread or file
	439:  {Unavailable, ""}, // no thread to be had
	453:  {Unavailable, ""},
	668:  {Unavailable, ""}, // invalid state: shutting down
	735:  {Canceled, ""},
	999:  {Unavailable, ""}, // Keeper
	6:    {Rejected, ""},
	16:   {Rejected, ""},
	20:   {Rejected, ""},
	26:   {Rejected, ""},
	27:   {Rejected, ""},
	33:   {Rejected, ""}, // cannot read all data
	36:   {Rejected, ""},
	38:   {Rejected, ""},
	40:   {Rejected, ""}, // checksum
	41:   {Rejected, ""},
	42:   {Rejected, ""},
	43:   {Rejected, ""},
	46:   {Rejected, ""},
	47:   {Rejected, ""},
	49:   {Internal, ""},
	50:   {Rejected, ""},
	53:   {Rejected, ""},
	60:   {Rejected, ""}, // unknown table
	62:   {Rejected, ""}, // syntax
	69:   {Rejected, ""},
	70:   {Rejected, ""},
	72:   {Rejected, ""},
	81:   {Rejected, ""}, // unknown database
	117:  {Rejected, ""}, // incorrect data
	131:  {Rejected, ""}, // too large string
	190:  {Rejected, ""},
	271:  {Rejected, ""}, // cannot decompress
	349:  {Rejected, ""},
	427:  {Rejected, ""}, // regular expression
	452:  {Rejected, ""}, // a setting beyond what the user's profile allows
	469:  {Rejected, ""}, // constraint violated
	497:  {Rejected, ""}, // access denied
	516:  {Rejected, ""}, // authentication
	1001: {Internal, ""},
}

// exception makes an Error of a server's exception.
func exception(op string, code int, message string, cause error) *Error {
	c := codes[code]
	return &Error{Class: c.class, Code: code, Op: op, Limit: c.limit, Message: message, Err: cause}
}

// failure sorts an error of the driver, the network or the context.
func failure(op string, err error) error {
	var done *Error
	if err == nil || errors.As(err, &done) {
		return err
	}
	var ex *clickhouse.Exception
	if errors.As(err, &ex) {
		return exception(op, int(ex.Code), ex.Message, err)
	}
	if ex, ok := ch.AsException(err); ok {
		return exception(op, int(ex.Code), ex.Message, err)
	}
	e := &Error{Op: op, Message: err.Error(), Err: err}
	var netErr net.Error
	switch {
	case errors.Is(err, context.Canceled):
		e.Class = Canceled
	case errors.Is(err, context.DeadlineExceeded):
		e.Class = Timeout
	case errors.Is(err, clickhouse.ErrAcquireConnTimeout), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, net.ErrClosed), errors.As(err, &netErr):
		e.Class = Unavailable
	}
	return e
}
