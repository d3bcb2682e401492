// Package promwrite is the Prometheus remote-write door: a receiver of versions
// 1.0 and 2.0 of the protocol.
//
// What belongs here: the two protobuf messages, which of them a request is, how
// native histograms, metadata and exemplars become points, and what a sender is
// told. What does not: what makes a point valid and where it is stored (ingest),
// the protobuf wire format (protofield), bodies (httpdoor), tenants and
// listeners (cmd).
//
//	body ─▶ snappy, bounded ─▶ v1 or v2 message ─▶ series ─▶ PointIntake ─▶ Sink ─▶ 204
//	                                 │ metadata      ▲
//	                                 └─▶ families ───┘ version 1 sends it apart
//
// # What a series becomes
//
// Labels become point attributes as they were sent, job and instance too; there
// is no resource. The name is kept to the letter. Type, unit and help are the
// metadata's; until there is some a series' type is unknown. They do not tell
// series apart, so points before and after metadata arrives are of one series.
// Classic histograms and summaries stay the series they are sent as. Native
// histograms become exponential histograms, with custom buckets explicit ones, each
// with what it says of counter resets, and are read back as what they were;
// one with more buckets than Limits.Buckets, gaps included, is brought to a
// lower resolution, as Prometheus does.
//
// # What a sender is told
//
// 204 when everything is durable, 400 when some of it is invalid and the rest is
// durable. When we cannot take a request now, be it that too much is under way,
// that the log is full or that the disk is away, the answer is 503 with
// Retry-After: both versions of the protocol say that senders must retry on 5xx,
// and nothing is lost by our being busy. When the tenant is over its own quota it
// is 429 with Retry-After, on which they say that senders may retry: Prometheus
// drops such samples and counts them as failed unless retry_on_http_429 is set
// in its queue_config. So one tenant's excess does not pile up at its sender
// unless the sender wants it to.
package promwrite
