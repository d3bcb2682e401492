// Package subject runs what is measured, trefoil or a peer of it, and reads what
// it has used from the system: CPU and memory of a process and all it started,
// bytes on disk table by table; and says on which machine.
//
// It belongs here: starting, ending, accounts. What is sent (load, workload) and
// asked does not.
package subject
