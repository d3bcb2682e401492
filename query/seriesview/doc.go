// Package seriesview says how stored series appear to a query.
//
// It belongs here: the names a series has, the classic series of a histogram, the
// labels that attributes and resources come to, the spelling a query sees, and
// which series a selector means. What their points are made of is package
// seriespoints's, where they are looked up seriesfind's.
//
//	stored                        series
//	gauge, sum, summary           <prom_name>
//	explicit histogram of OTLP    <prom_name>_bucket{le}, _sum, _count
//	  of Prometheus               <prom_name>, native histogram samples with custom buckets
//	exponential histogram         <prom_name>, native histogram samples
//
// A metric is found under the name it was sent with (http.server.duration) and
// under its Prometheus spelling (http_server_duration_seconds); a label
// likewise. Results carry the Prometheus spelling, or of a label the query's
// (package spelling). What Prometheus sent is found and shown as it was sent.
//
// The labels of a series are the attributes of its points, then job
// (service.namespace/service.name), instance (service.instance.id) and the
// promoted attributes of its resource, unless a point has them itself. Other
// attributes of the resource are not visible. Stored series that come out with
// the same labels are one series.
package seriesview
