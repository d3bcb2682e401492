// Reads an Arrow IPC stream from standard input and writes its rows as JSON: one object with the schema's metadata and
// the rows, maps as objects, lists as arrays, timestamps as milliseconds, 64-bit integers as text.
import { RecordBatchReader, Table } from 'apache-arrow';

function plain(v) {
  if (v === null || v === undefined) {
    return null;
  }
  if (typeof v === 'bigint') {
    return v.toString();
  }
  if (v instanceof Uint8Array) {
    return Buffer.from(v).toString('hex');
  }
  if (typeof v === 'object' && typeof v.toJSON === 'function' && !(typeof v.length === 'number')) {
    return Object.fromEntries(Object.entries(v.toJSON()).map(([k, x]) => [k, plain(x)]));
  }
  if (typeof v === 'object' && typeof v[Symbol.iterator] === 'function') {
    return Array.from(v, plain);
  }
  return v;
}

const reader = await RecordBatchReader.from(process.stdin);
await reader.open();
const batches = [];
for await (const batch of reader) {
  batches.push(batch);
}
const table = new Table(reader.schema, batches);
const rows = [];
for (const row of table) {
  rows.push(Object.fromEntries(table.schema.fields.map((f) => [f.name, plain(row[f.name])])));
}
process.stdout.write(JSON.stringify({ metadata: Object.fromEntries(table.schema.metadata), rows }));
