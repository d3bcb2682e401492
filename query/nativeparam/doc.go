// Package nativeparam reads what requests to the native API say: query strings
// and bodies, windows of time, limits, IDs, severities, matchers of
// attributes, and the cursors that pages of answers gave out. All of it is
// bounded, and what is wrong is a *fault.Error that names the parameter.
//
// It belongs here: one function for a kind of value, whatever route takes it. The
// routes and which parameters each has do not (nativeapi).
package nativeparam
