// Package joinexec answers queries over three signals (joinql) in one statement.
//
// It belongs here: the conditions of each step, what cannot be joined, limits and
// the plan that explains an answer. The language (joinql) and SQL (joinstore) do
// not.
package joinexec
