// What the code editor knows of PromQL and MetricsQL.

export interface WordHelp {
  form: string;
  text: string;
}

/** What PromQL, MetricsQL and LogQL make of several series alike. */
export const AGGREGATIONS: Record<string, WordHelp> = {
  sum: { form: 'sum by (labels) (series)', text: 'Sum of the series of each group.' },
  avg: { form: 'avg by (labels) (series)', text: 'Average of the series of each group.' },
  min: { form: 'min by (labels) (series)', text: 'Least value of each group.' },
  max: { form: 'max by (labels) (series)', text: 'Greatest value of each group.' },
  count: { form: 'count by (labels) (series)', text: 'Number of series in each group.' },
  topk: { form: 'topk(n, series)', text: 'The n greatest series.' },
  bottomk: { form: 'bottomk(n, series)', text: 'The n least series.' },
};

export const FUNCTIONS: Record<string, WordHelp> = {
  rate: {
    form: 'rate(counter[window])',
    text: 'Increase per second, averaged over the window. Resets of the counter do not count.',
  },
  irate: { form: 'irate(counter[window])', text: 'Increase per second between the last two samples of the window.' },
  increase: { form: 'increase(counter[window])', text: 'How much the counter grew in the window.' },
  delta: { form: 'delta(gauge[window])', text: 'Difference between the last and the first value of the window.' },
  deriv: { form: 'deriv(gauge[window])', text: 'Slope per second of a line through the window.' },
  predict_linear: {
    form: 'predict_linear(gauge[window], seconds)',
    text: 'Value expected after so many seconds if the trend goes on.',
  },
  histogram_quantile: {
    form: 'histogram_quantile(share, buckets)',
    text: 'Value that the given share of the observations stays below.',
  },
  histogram_fraction: {
    form: 'histogram_fraction(from, to, buckets)',
    text: 'Share of the observations between two values.',
  },
  ...AGGREGATIONS,
  stddev: { form: 'stddev by (labels) (series)', text: 'Standard deviation of each group.' },
  quantile: { form: 'quantile(share, series)', text: 'Quantile over the series of each group.' },
  count_values: { form: 'count_values("label", series)', text: 'How many series have each value.' },
  avg_over_time: { form: 'avg_over_time(series[window])', text: 'Average of each series over the window.' },
  min_over_time: { form: 'min_over_time(series[window])', text: 'Least value of each series in the window.' },
  max_over_time: { form: 'max_over_time(series[window])', text: 'Greatest value of each series in the window.' },
  sum_over_time: { form: 'sum_over_time(series[window])', text: 'Sum of the values in the window.' },
  count_over_time: { form: 'count_over_time(series[window])', text: 'Number of samples in the window.' },
  quantile_over_time: {
    form: 'quantile_over_time(share, series[window])',
    text: 'Quantile of the values in the window.',
  },
  last_over_time: { form: 'last_over_time(series[window])', text: 'Newest value in the window.' },
  present_over_time: {
    form: 'present_over_time(series[window])',
    text: '1 for every series with a sample in the window.',
  },
  absent: { form: 'absent(series)', text: '1 when there is no such series, nothing otherwise.' },
  absent_over_time: {
    form: 'absent_over_time(series[window])',
    text: '1 when there was no such series in the window.',
  },
  label_replace: {
    form: 'label_replace(series, "to", "$1", "from", "regex")',
    text: 'Sets a label from a part of another.',
  },
  label_join: { form: 'label_join(series, "to", "-", "from", …)', text: 'Sets a label to others joined.' },
  changes: { form: 'changes(series[window])', text: 'How often the value changed in the window.' },
  resets: { form: 'resets(counter[window])', text: 'How often the counter began anew in the window.' },
  clamp_min: { form: 'clamp_min(series, least)', text: 'Values below the bound become the bound.' },
  clamp_max: { form: 'clamp_max(series, most)', text: 'Values above the bound become the bound.' },
  abs: { form: 'abs(series)', text: 'Values without their sign.' },
  round: { form: 'round(series, to)', text: 'Values rounded.' },
  sort: { form: 'sort(series)', text: 'Series by value, ascending; for instant queries.' },
  sort_desc: { form: 'sort_desc(series)', text: 'Series by value, descending; for instant queries.' },
  time: { form: 'time()', text: 'The evaluation time in Unix seconds.' },
  timestamp: { form: 'timestamp(series)', text: 'When each sample was taken, in Unix seconds.' },
  vector: { form: 'vector(number)', text: 'A number as a series without labels.' },
  scalar: { form: 'scalar(series)', text: 'The value of a single series as a number.' },
  info: { form: 'info(series)', text: 'Adds the labels of the target, such as resource attributes.' },
};

/** Functions of MetricsQL that PromQL has not. */
export const METRICSQL_FUNCTIONS: Record<string, WordHelp> = {
  default_rollup: { form: 'default_rollup(series[window])', text: 'Newest value in the window.' },
  rollup: { form: 'rollup(series[window])', text: 'Least, greatest and average value of the window.' },
  rollup_rate: { form: 'rollup_rate(counter[window])', text: 'Least, greatest and average increase per second.' },
  median_over_time: { form: 'median_over_time(series[window])', text: 'Median of the values in the window.' },
  lag: { form: 'lag(series[window])', text: 'Seconds since the newest sample.' },
  keep_last_value: { form: 'keep_last_value(series)', text: 'Fills gaps with the value before them.' },
  interpolate: { form: 'interpolate(series)', text: 'Fills gaps with a line between their ends.' },
  running_sum: { form: 'running_sum(series)', text: 'Sum of all values up to each point.' },
  share: { form: 'share(series)', text: 'Share of each series in the sum of all.' },
  limitk: { form: 'limitk(n, series)', text: 'At most n series.' },
  outliersk: { form: 'outliersk(n, series)', text: 'The n series furthest from the median.' },
  label_set: { form: 'label_set(series, "label", "value")', text: 'Sets a label.' },
  label_del: { form: 'label_del(series, "label")', text: 'Drops a label.' },
  union: { form: 'union(a, b)', text: 'The series of both.' },
};

export const MACROS: Record<string, string> = {
  $__rate_interval: 'A window for rate() that holds at least four exports.',
  $__interval: 'The distance between two points of the panel.',
  $__range: 'The whole time range of the panel.',
};
