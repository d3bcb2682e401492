// Package enginelib is the library that the embedded ClickHouse is: which one it
// is, where it lies, whether what lies there is it, and how it is brought.
//
// What is done with it does not belong here (engine).
package enginelib
