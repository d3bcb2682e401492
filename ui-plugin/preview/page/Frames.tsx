import {
  applyFieldOverrides,
  DataFrame,
  DataTopic,
  FieldConfigOptionsRegistry,
  FieldType,
  getDisplayProcessor,
  getFieldDisplayName,
  GrafanaTheme2,
  TimeRange,
} from '@grafana/data';
import { LegendDisplayMode, StackingMode } from '@grafana/schema';
import { BigValue, BigValueColorMode, BigValueGraphMode, Stack, Table, Text, TimeSeries, useTheme2 } from '@grafana/ui';
import React, { useMemo } from 'react';

import { templates } from './services';

export interface PanelOptions {
  unit?: string;
  min?: number;
  /** Stacked, as a dashboard's panel may ask for. */
  stacked?: boolean;
}

const registry = new FieldConfigOptionsRegistry();

/** Frames with displays, colours and links, as Grafana prepares them for its visualisations. */
function prepared(frames: DataFrame[], theme: GrafanaTheme2, options: PanelOptions): DataFrame[] {
  let series = 0;
  const coloured = frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) => ({
      ...field,
      state: { ...field.state, seriesIndex: field.type === FieldType.number ? series++ : undefined },
      config: {
        color: { mode: 'palette-classic' },
        unit: options.unit,
        min: options.min,
        ...field.config,
        custom: {
          lineWidth: 1,
          fillOpacity: options.stacked ? 30 : 8,
          pointSize: 4,
          stacking: options.stacked ? { mode: StackingMode.Normal, group: 'A' } : undefined,
          ...field.config.custom,
        },
      },
    })),
  }));
  return applyFieldOverrides({
    data: coloured,
    fieldConfig: { defaults: {}, overrides: [] },
    fieldConfigRegistry: registry,
    replaceVariables: templates.replace,
    theme,
    timeZone: 'browser',
  });
}

interface Props {
  frames: DataFrame[];
  range: TimeRange;
  width: number;
  height?: number;
  /** graph, stat or table, when the frames do not say it themselves. */
  as?: 'graph' | 'stat' | 'table';
  options?: PanelOptions;
}

const isSeries = (frame: DataFrame) =>
  (frame.meta?.type?.startsWith('timeseries') || frame.meta?.preferredVisualisationType === 'graph') &&
  frame.fields.some((f) => f.type === FieldType.time) &&
  frame.meta?.dataTopic !== DataTopic.Annotations;

const numbers = (frame: DataFrame) => frame.fields.filter((field) => field.type === FieldType.number);

/** Draws frames with the parts @grafana/ui has; what it has no part for (logs, traces, node graphs) is a table. */
export function Frames({ frames, range, width, height = 260, as, options = {} }: Props) {
  const theme = useTheme2();
  const ready = useMemo(() => prepared(frames, theme, options), [frames, theme, options]);
  const filled = ready.filter((frame) => frame.fields.length > 0 && frame.length > 0);
  if (filled.length === 0) {
    return <Text color="secondary">No data</Text>;
  }
  const graphs = filled.filter((frame) => (as ? as === 'graph' : isSeries(frame)) && isSeries(frame));
  const rest = filled.filter((frame) => !graphs.includes(frame));
  return (
    <Stack direction="column" gap={2}>
      {graphs.length > 0 && (
        <div data-testid="graph" data-series={graphs.flatMap(numbers).length}>
          <TimeSeries
            frames={graphs}
            timeRange={range}
            timeZone="browser"
            width={width}
            height={height}
            legend={{ calcs: [], displayMode: LegendDisplayMode.List, placement: 'bottom', showLegend: true }}
          />
        </div>
      )}
      {as === 'stat' ? (
        <Stack direction="row" gap={1} wrap="wrap">
          {rest.flatMap((frame) => stats(frame, theme, Math.min(width, 260), Math.min(height, 120)))}
        </Stack>
      ) : (
        rest.map((frame, i) => (
          <div
            key={i}
            data-testid={`frame-${frame.meta?.preferredVisualisationType ?? 'table'}`}
            data-rows={frame.length}
          >
            <Text element="h3" variant="h6">
              {caption(frame)}
            </Text>
            <Table
              data={visible(frame)}
              width={width}
              height={Math.min(height + 80, 80 + frame.length * 36)}
              columnMinWidth={120}
              ariaLabel={caption(frame)}
            />
          </div>
        ))
      )}
    </Stack>
  );
}

function caption(frame: DataFrame): string {
  const kind = frame.meta?.preferredVisualisationType ?? 'table';
  return [frame.name, `frame for Grafana's ${kind} view`, `${frame.length} rows`].filter(Boolean).join(', ');
}

const visible = (frame: DataFrame): DataFrame => ({
  ...frame,
  fields: frame.fields.filter((f) => !f.config.custom?.hidden),
});

function stats(frame: DataFrame, theme: GrafanaTheme2, width: number, height: number) {
  return numbers(frame).map((field) => {
    const display = field.display ?? getDisplayProcessor({ field, theme });
    const value = { ...display(field.values[field.values.length - 1]), title: getFieldDisplayName(field, frame) };
    return (
      <BigValue
        key={value.title}
        value={value}
        width={width}
        height={height}
        theme={theme}
        colorMode={BigValueColorMode.Value}
        graphMode={BigValueGraphMode.None}
      />
    );
  });
}
