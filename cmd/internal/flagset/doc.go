// Package flagset declares a command's flags once and reads them from three
// places: the command line, TREFOIL_* environment variables and, for commands
// that ask for it, a YAML file. The line wins over the environment, the
// environment over the file, the file over the default.
//
// A Set writes to variables its caller owns; libraries never see it. What does
// not belong here: the meaning of any flag, and defaults that depend on the
// machine.
package flagset
