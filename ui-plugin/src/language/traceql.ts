import { WordHelp } from './promql';

// What the code editor knows of TraceQL.

export const TRACEQL_WORDS: Record<string, WordHelp> = {
  status: { form: 'status = error', text: 'How the span ended: error, ok or unset.' },
  duration: { form: 'duration > 250ms', text: 'How long the span took.' },
  name: { form: 'name = "GET /"', text: 'Name of the span.' },
  kind: { form: 'kind = server', text: 'server, client, producer, consumer or internal.' },
  statusMessage: { form: 'statusMessage = "…"', text: 'What the span said of how it ended.' },
  rootName: { form: 'rootName = "GET /"', text: 'Name of the root span of the trace.' },
  rootServiceName: { form: 'rootServiceName = "…"', text: 'Service of the root span of the trace.' },
  traceDuration: { form: 'traceDuration > 1s', text: 'How long the whole trace took.' },
  count: { form: 'count() > 3', text: 'Number of spans that matched.' },
  avg: { form: 'avg(duration) > 1s', text: 'Average over the spans that matched.' },
  max: { form: 'max(duration) > 1s', text: 'Greatest of the spans that matched.' },
  min: { form: 'min(duration) > 1s', text: 'Least of the spans that matched.' },
  sum: { form: 'sum(span.bytes) > 1000', text: 'Sum over the spans that matched.' },
  by: { form: 'by(resource.service.name)', text: 'A group for each value.' },
  select: { form: 'select(span.http.route)', text: 'Further attributes to show.' },
  rate: { form: '{ } | rate()', text: 'Spans per second, as series.' },
  count_over_time: { form: '{ } | count_over_time()', text: 'Spans in each step, as series.' },
  quantile_over_time: {
    form: '{ } | quantile_over_time(duration, .95)',
    text: 'Quantile in each step, as series.',
  },
  histogram_over_time: {
    form: '{ } | histogram_over_time(duration)',
    text: 'Number of spans by powers of two in each step, as series.',
  },
  compare: { form: '{ } | compare({ status = error })', text: 'Attributes by which some spans differ from the rest.' },
};
