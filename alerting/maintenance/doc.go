// Package maintenance keeps maintenance windows: times in which alerts that
// match are not told, once or on days of the week.
//
//	POST ──▶ window ──▶ silence (annotations: which window, how it repeats)
//	                       ▲                │ begun?
//	                       └── the next one ◀┘   every half minute, at the instance in charge
//
// A window is nothing but silences of Alertmanager: what stores, replicates and
// shows those does so with windows, and amtool and Grafana see them. Of a window
// that repeats there is always one silence that has not begun yet, made when the
// one before it begins. It is ended by ending that one.
//
// It belongs here: the API's shapes, when a window occurs, the chain of
// silences. What a silence does does not.
package maintenance
