// Package metricsqlfunc has the functions of MetricsQL but its rollups: transforms,
// functions of labels and of buckets, sorts and aggregates.
//
// It belongs here: what a function's arguments may be, and what it makes of the
// series of one grid. Arguments are evaluated by who calls; what is done to numbers is
// package columnfunc's, and rollups, which read samples, are metricsqlplan's.
package metricsqlfunc
