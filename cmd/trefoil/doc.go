// Command trefoil is the whole program: the server and the tools around it.
//
// The table of commands is here, and the commands that are a file each; those
// that are more are packages of cmd/internal (server, querycmd, rulescmd, walcmd).
// Each is a function of (context, arguments) that returns an error. Flags,
// environment and standard streams are read by commands and nowhere below; what
// a command does beyond wiring lives in the packages it imports.
package main
