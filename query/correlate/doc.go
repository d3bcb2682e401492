// Package correlate joins the three signals.
//
// It belongs here: what a trace looks like as a tree, and which logs and
// exemplars go with it. Each section of an answer is read side by side with its
// own time budget, and one that fails is named in the answer, never left out in
// silence. Wire shapes do not belong here (nativeapi), nor SQL (storage).
package correlate
