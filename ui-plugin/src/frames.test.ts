import {
  DataFrame,
  DataFrameJSON,
  dataFrameFromJSON,
  DataTopic,
  Field,
  FieldType,
  NodeGraphDataFrameFieldNames as NodeGraph,
  TraceSpanRow,
} from '@grafana/data';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// The frames that the backend makes, read by Grafana's own package and held to its types field by field. The backend's
// tests write them; see pkg/frames.

function golden(name: string): DataFrame[] {
  const path = join(__dirname, '..', 'pkg', 'frames', 'testdata', `${name}.json`);
  return (JSON.parse(readFileSync(path, 'utf8')) as DataFrameJSON[]).map((json) => dataFrameFromJSON(json));
}

const types = (frame: DataFrame) => Object.fromEntries(frame.fields.map((field: Field) => [field.name, field.type]));

it('a trace has the rows of the trace view, each field of its type', () => {
  // Every field of a row, by Grafana's own name: one that is new there does not compile here.
  const { string, number, other } = FieldType;
  const row: Record<keyof Required<TraceSpanRow>, FieldType> = {
    traceID: string,
    spanID: string,
    parentSpanID: string,
    operationName: string,
    serviceName: string,
    serviceTags: other,
    startTime: number,
    duration: number,
    logs: other,
    references: other,
    tags: other,
    kind: string,
    statusCode: number,
    statusMessage: string,
    instrumentationLibraryName: string,
    instrumentationLibraryVersion: string,
    traceState: string,
    warnings: other,
    stackTraces: other,
    errorIconColor: string,
  };
  const [frame] = golden('trace');
  expect(types(frame)).toEqual(row);
  expect(frame.meta?.preferredVisualisationType).toBe('trace');
  const values = (name: keyof TraceSpanRow) => frame.fields.find((f) => f.name === name)!.values;
  for (const name of ['serviceTags', 'tags'] as const) {
    for (const pairs of values(name) as Array<TraceSpanRow['serviceTags']>) {
      expect(pairs.every((pair) => typeof pair.key === 'string' && 'value' in pair)).toBe(true);
    }
  }
  const [, failed] = values('logs') as Array<NonNullable<TraceSpanRow['logs']>>;
  expect(failed).toEqual([{ timestamp: expect.any(Number), name: 'exception', fields: expect.any(Array) }]);
  const [, linked] = values('references') as Array<NonNullable<TraceSpanRow['references']>>;
  expect(linked).toEqual([{ traceID: expect.any(String), spanID: expect.any(String), tags: expect.any(Array) }]);
  expect(values('errorIconColor')).toEqual([null, 'red', null]);
  expect(values('stackTraces')[1]).toEqual(['at pay.go:7']);
});

it('a service graph has the nodes and edges of the node graph', () => {
  const named = new Set<string>(Object.values(NodeGraph));
  const known = (name: string) =>
    named.has(name) || name.startsWith(NodeGraph.arc) || name.startsWith(NodeGraph.detail);
  const [nodes, edges] = golden('service_graph');
  for (const frame of [nodes, edges]) {
    expect(frame.meta?.preferredVisualisationType).toBe('nodeGraph');
    expect(frame.fields.map((f) => f.name).filter((name) => !known(name))).toEqual([]);
    expect(types(frame)).toMatchObject({
      [NodeGraph.id]: FieldType.string,
      [NodeGraph.mainStat]: FieldType.number,
      [NodeGraph.secondaryStat]: FieldType.number,
    });
  }
  expect(types(nodes)).toMatchObject({ [NodeGraph.title]: FieldType.string });
  expect(types(edges)).toMatchObject({ [NodeGraph.source]: FieldType.string, [NodeGraph.target]: FieldType.string });
  const column = (frame: DataFrame, name: string) => frame.fields.find((f) => f.name === name)!.values;
  expect(column(nodes, NodeGraph.id)).toEqual(
    expect.arrayContaining([...column(edges, NodeGraph.source), ...column(edges, NodeGraph.target)])
  );
  const arcs = nodes.fields.filter((f) => f.name.startsWith(NodeGraph.arc));
  expect(arcs.map((f) => f.config.color?.fixedColor)).toEqual(['green', 'red']);
  for (let i = 0; i < nodes.length; i++) {
    expect(arcs.reduce((sum, arc) => sum + arc.values[i], 0)).toBeCloseTo(1);
  }
});

it('logs have the fields of log lines', () => {
  const [frame] = golden('logs');
  expect(frame.meta).toMatchObject({ type: 'log-lines', preferredVisualisationType: 'logs' });
  expect(types(frame)).toEqual({
    timestamp: FieldType.time,
    body: FieldType.string,
    severity: FieldType.string,
    id: FieldType.string,
    labels: FieldType.other,
    traceID: FieldType.string,
    spanID: FieldType.string,
  });
  for (const labels of frame.fields.find((f) => f.name === 'labels')!.values) {
    expect(Object.values(labels).every((value) => typeof value === 'string')).toBe(true);
  }
});

it('exemplars are annotations that lead to traces', () => {
  const [frame] = golden('exemplars');
  expect(frame.name).toBe('exemplar');
  expect(frame.meta?.dataTopic).toBe(DataTopic.Annotations);
  expect(types(frame)).toMatchObject({ Time: FieldType.time, Value: FieldType.number, traceID: FieldType.string });
  expect(frame.fields.find((f) => f.name === 'traceID')!.config.links).toHaveLength(1);
});
