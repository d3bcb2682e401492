package nativejson

import (
	"github.com/trefoil-o11y/trefoil/query/language"
)

// Names is a list of labels.
type Names struct {
	Names     []string `json:"names"`
	Truncated bool     `json:"truncated"`
}

// Values is a list of a label's values.
type Values struct {
	Values    []string `json:"values"`
	Truncated bool     `json:"truncated"`
}

// Services is a list of services.
type Services struct {
	Services  []string `json:"services"`
	Truncated bool     `json:"truncated"`
}

// Filled makes an empty list of none, so that it is [] and not null.
func Filled(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// Checked says what an expression is that is right.
type Checked struct {
	Language string        `json:"language"`
	Query    string        `json:"query"`
	Kind     language.Kind `json:"kind"`
}
