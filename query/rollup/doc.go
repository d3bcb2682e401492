// Package rollup holds the kernels that turn the samples of one series into a
// column: for each step of a grid, a function of the samples in a window that
// ends there.
//
//	samples     ·  ·   ·  ·  ·   ·  ·
//	windows     (-------]
//	                 (-------]
//	                      (-------]
//	column          v0   v1   v2
//
// A kernel is pure: times, values and windows in, a column out. It keeps
// nothing, allocates nothing that grows with the series, and is safe to run for
// many series at once. It knows floats only; series with native histograms take
// another way (see grideval).
//
// What makes a kernel must not be inlined (go:noinline): the initialization of the
// package, where it would land, is so large that the compiler inlines nothing there,
// and a kernel's small calls are for every cell.
//
// The kernels of PromQL are here, and each computes what the function of its
// name computes in Prometheus, operation by operation, so that results agree to
// the last bit. Kernels of another language belong beside its front end; they
// have the same signature.
package rollup
