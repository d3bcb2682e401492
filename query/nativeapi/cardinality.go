package nativeapi

import (
	"context"
	"net/http"
	"time"

	"github.com/trefoil-o11y/trefoil/query/nativejson"
	"github.com/trefoil-o11y/trefoil/storage/metricstore"
	"github.com/trefoil-o11y/trefoil/storage/tenant"
)

// CardinalityFunc counts the series of the days from from to to; a list has
// limit entries at most.
type CardinalityFunc func(ctx context.Context, t tenant.ID, from, to time.Time, limit int) (metricstore.Cardinality, error)

func (a *api) cardinality(w http.ResponseWriter, r *http.Request) error {
	_, win, limit, err := a.bounded(r, 20, a.MaxNames)
	if err != nil {
		return err
	}
	c, err := a.Cardinality(r.Context(), tenantOf(r), win.Start, win.End, limit)
	if err != nil {
		return err
	}
	nativejson.Write(w, http.StatusOK, nativejson.CardinalityOf(&c))
	return nil
}
