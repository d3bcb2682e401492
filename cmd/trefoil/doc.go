// Command trefoil is the whole program: the server and the tools around it.
//
// One file per subcommand, each a run function of (context, arguments) that
// returns an error. Flags, environment and standard streams are read here and
// nowhere below; what a subcommand does beyond wiring lives in the packages it
// imports.
package main
