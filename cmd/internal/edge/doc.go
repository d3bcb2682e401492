// Package edge is where requests enter: listeners, TLS, the HTTP and gRPC
// servers with the limits and interceptors every one of them has, tenant and
// request ID, health, and the graceful stop.
//
// A request passes, from outside in:
//
//	listener (connections bounded, TLS) ─▶ timeouts ─▶ request ID ─▶ span ─▶
//	access log ─▶ panic → 500 ─▶ tenant ─▶ body and time limits ─▶ handler
//
// What does not belong here: routes, wire formats and what a request means.
package edge
