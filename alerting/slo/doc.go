// Package slo turns service level objectives into rules: recording rules of the
// share of errors over several windows, and alerts on how fast the error budget
// burns, each over a long and a short window (Google's SRE Workbook, chapter 5,
// "Multiwindow, Multi-Burn-Rate Alerts").
//
// It makes rule files. Evaluating them is nothing special.
package slo
