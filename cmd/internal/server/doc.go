// Package server is the command serve: the whole program, wired from top to
// bottom, its flags, its start and its orderly end.
//
// It belongs here: what connects the parts of the program to each other. What
// they do does not (ingest, query, alerting, storage), nor what every server has
// (edge).
package server
