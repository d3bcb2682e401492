// Package rulelint finds what is allowed in a rule file and yet hardly meant:
// alerts that fire at the first sight, always or never, labels that clash,
// templates that use what is not there, metrics nobody sends.
//
// Findings are [rulefile.Problem]s. What makes a file unusable is found by
// package rulefile; what a rule does over time by package ruletest.
package rulelint
