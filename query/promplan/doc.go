// Package promplan is the front end of PromQL: a parsed and preprocessed
// expression becomes a metricplan.
//
// It belongs here: which kernel or function a name of PromQL stands for, and
// what of PromQL is left to Prometheus's own engine (metricplan.Foreign). Every
// function not written anew here is Prometheus's own code, called window by
// window or step by step with the columns of our evaluator; so are the windows
// of native histograms.
package promplan
