// Package rulescmd is the commands for those who write rules: rules check, test,
// backtest and slo.
//
// It belongs here: one function a command with its flags, and the store that
// tests of logs and spans get. What the commands do does not (alerting's
// rulelint, ruletest, backtest and slo).
package rulescmd
