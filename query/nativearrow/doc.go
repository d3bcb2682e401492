// Package nativearrow writes answers of the native API as Arrow IPC streams:
// series, log records and lines, in batches of bounded size.
//
// It belongs here: schemas, builders of columns, and when a client wants Arrow.
// Asking does not (nativeapi), nor JSON (nativejson).
package nativearrow
