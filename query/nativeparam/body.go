package nativeparam

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/trefoil-o11y/trefoil/query/fault"
)

// MaxBody bounds the body of a query.
const MaxBody = 1 << 20

// Scalar is a JSON string or number, as text.
type Scalar string

func (s *Scalar) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var text string
		err := json.Unmarshal(b, &text)
		*s = Scalar(text)
		return err
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return errors.New("is neither a string nor a number")
	}
	*s = Scalar(n)
	return nil
}

// BodyError is why a body could not be read: it is too large, or wrong.
func BodyError(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &fault.Error{Code: fault.Limit, Limit: "max_body", Err: err,
			Message: fmt.Sprintf("request body is larger than %d bytes", tooLarge.Limit)}
	}
	return &fault.Error{Code: fault.BadQuery, Message: "request body: " + err.Error(), Err: err}
}
