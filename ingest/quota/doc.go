// Package quota bounds what each tenant may send, and says which limit was hit
// and by whom.
//
//	request ─▶ Ready: are bytes and records left?  no ─▶ refused before it is read
//	   │       Bytes: what it weighs
//	   ▼
//	records ─▶ Limits: attributes, lengths, late, ahead   each record by itself
//	points  ─▶ Series: is this one active already, or may it become so?
//	   └─────▶ Records: how many there were
//
// What belongs here: the limits, the buckets and the set of active series of
// each tenant, what is told about them (metrics, a report, a line in the log).
// What does not: limits of a request or of the whole process, and what a refusal
// looks like to a client (ingest and its doors).
//
// # What it costs, and how exact it is
//
// Rates are buckets that may be overdrawn: a request is let in while anything is
// left, and what it weighs is taken when that is known. So a refused request
// costs nothing, one larger than the bucket is possible, and over time the rate
// holds exactly. A bucket holds ten seconds' worth.
//
// A series is active while it was written to within Config.Window. Active series
// are counted exactly, but for two whose 64-bit fingerprints are equal: with a
// million series in a window of twenty minutes that is one pair in a thousand
// years. A series takes 20 to 40 bytes, a tenant no more than its limit of them;
// without a limit nothing is kept. Window is exact to a minute.
//
// Which labels explode is estimated, within about 5 %, from series as they become
// active, once a tenant has a tenth of its limit; at most 256 label names and 256
// metrics are watched at a time, 180 KiB a tenant.
//
// Tenants are remembered while they are among the last Config.MaxTenants. One
// that is forgotten begins anew, with full buckets and no active series.
package quota
