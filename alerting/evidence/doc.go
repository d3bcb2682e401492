// Package evidence gathers what a page should show of an alert that begins to
// fire: links, traces, log lines, and what is different from the hour before.
//
// Everything is bounded in time and size. What cannot be had within the budget
// is left out: a page is absent of evidence rather than late.
//
// It belongs here: where evidence is looked for and how it is printed. When it
// is wanted, and how it gets into notifications, is package alerting's.
package evidence
