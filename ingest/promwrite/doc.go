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
// histograms become exponential histograms, with custom buckets explicit ones;
// one with more buckets than Limits.Buckets, gaps included, is brought to a
// lower resolution, as Prometheus does.
//
// # What a sender is told
//
// 204 when everything is durable, 400 when some of it is invalid and the rest is
// durable. When we cannot take a request now the answer is 503 with Retry-After
// and not 429, which Prometheus takes as a reason to drop the request unless it
// is configured otherwise (retry_on_http_429).
package promwrite
