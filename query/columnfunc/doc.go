// Package columnfunc has functions of columns: the values of a series at the
// points of a grid, NaN where it has none.
//
// It belongs here: what MetricsQL does to one column (range_*, running_*,
// interpolate, …), point by point to one (abs, ln, clamp, …), and what it makes
// of the columns of a group (sum, median, outliers, …). All of it is pure: floats
// in, floats out. Labels, grouping and expressions do not belong here
// (metricsqlfunc, metricsqlplan), nor raw samples (rollupfunc).
package columnfunc
