// Package nativejson has the JSON shapes of the native API's answers and errors,
// and makes them of stored rows and of results. A test of nativeapi holds the
// routes to openapi.yaml, which describes the shapes.
//
// It belongs here: types that are encoded, and functions from a result to one.
// Asking does not (nativeapi), nor Arrow (nativearrow).
package nativejson
