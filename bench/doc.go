// Command bench measures Trefoil from outside: it starts the real binary, sends
// requests made by package workload and reads the processes' accounts from the
// system. README.md beside this file says how to read the figures.
package main
