package rollupfunc

import "math"

func lastChange(w *Window) float64 {
	if w.empty() {
		return nan
	}
	v := lastOf(w.Values)
	for i := len(w.Values) - 2; i >= 0; i-- {
		if w.Values[i] != v {
			return seconds(w.Times[i+1])
		}
	}
	if !w.hasPrev() || w.Prev != v {
		return seconds(w.Times[0])
	}
	return nan
}

func lag(w *Window) float64 {
	switch {
	case !w.empty():
		return seconds(w.End - w.Times[len(w.Times)-1])
	case w.hasPrev():
		return seconds(w.End - w.PrevTime)
	}
	return nan
}

// stretch is the time from the sample before the window, or its first, to its
// last, and how many intervals that is.
func (w *Window) stretch() (secs float64, intervals int) {
	n := len(w.Times)
	switch {
	case w.hasPrev() && n > 0:
		return seconds(w.Times[n-1] - w.PrevTime), n
	case !w.hasPrev() && n > 1:
		return seconds(w.Times[n-1] - w.Times[0]), n - 1
	}
	return nan, 1
}

func lifetime(w *Window) float64 {
	secs, _ := w.stretch()
	return secs
}

func scrapeInterval(w *Window) float64 {
	secs, intervals := w.stretch()
	return secs / float64(intervals)
}

func rateOverSum(w *Window) float64 {
	if w.empty() {
		return nan
	}
	return sum(w.Values) / seconds(w.Width)
}

// Candles: open, close, high and low of the time up to, not at, the end. The
// sample before the window, if near, is what it opened with.

func (w *Window) candle() (open float64, values []float64) {
	n := len(w.Times)
	for n > 0 && w.Times[n-1] >= w.End {
		n--
	}
	open = nan
	if w.PrevTime+w.Width >= w.End {
		open = w.Prev
	}
	return open, w.Values[:n]
}

func candleOpen(w *Window) float64 {
	open, values := w.candle()
	if math.IsNaN(open) && len(values) > 0 {
		return values[0]
	}
	return open
}

func candleClose(w *Window) float64 {
	open, values := w.candle()
	if len(values) > 0 {
		return lastOf(values)
	}
	return open
}

func candleMost(of func([]float64) float64) Func {
	return func(w *Window) float64 {
		open, values := w.candle()
		switch {
		case len(values) == 0:
			return open
		case math.IsNaN(open):
			return of(values)
		}
		return of([]float64{open, of(values)})
	}
}
