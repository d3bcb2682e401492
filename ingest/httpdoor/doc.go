// Package httpdoor is what doors over HTTP have in common: request bodies, bounded
// before they are decoded, and the status an error is told with.
//
// It belongs here: what two doors need alike. A protocol's own words, its
// content types and what its senders do on which status stay in its package.
package httpdoor
