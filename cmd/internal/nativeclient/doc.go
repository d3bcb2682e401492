// Package nativeclient reads Trefoil's native HTTP API for the command line
// tools. It knows the JSON shapes a reader needs, and turns the API's errors
// and a server that does not answer into sentences a person can act on.
//
// What does not belong here: rendering, and the server's own types; the wire
// is the seam.
package nativeclient
