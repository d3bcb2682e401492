package metricsqlfunc

import (
	"maps"

	"github.com/trefoil-o11y/trefoil/query/column"
)

// Functions are all functions but rollups, by name. Safe for concurrent use.
type Functions struct {
	transforms map[string]transformFunc
	aggregates map[string]aggregateFunc
}

type (
	transformFunc func(*Call) ([]column.Series, error)
	aggregateFunc func(*aggregation) ([]column.Series, error)
)

// New makes them.
func New() Functions {
	f := Functions{transforms: transforms(), aggregates: selecting()}
	for _, more := range []map[string]transformFunc{labelFunctions(), bucketFunctions(), sorts()} {
		maps.Copy(f.transforms, more)
	}
	return f
}
