import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Dtype } from '../model/inspection.ts';
import type { RunTensor, TraceEvent } from '../model/layers/trace.ts';
import { isJsonObject, type JsonObject } from '../shared/json-object.ts';

/** The runtime's spelling of element types, where it is not ours. */
const SPELLINGS: Readonly<Record<string, Dtype>> = { float: 'float32', double: 'float64' };

const NODE_SUFFIX = '_kernel_time';

/**
 * Reads a trace of onnxruntime's profiler: the events of nodes, one list a run. The file has an event a line; names are
 * not escaped in it, so a line that is no JSON gives up its name and keeps the rest.
 */
export async function readProfileTrace(path: string): Promise<readonly (readonly TraceEvent[])[]> {
  const runs: TraceEvent[][] = [];
  let current: TraceEvent[] = [];
  const lines = createInterface({
    input: createReadStream(path, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  for await (const line of lines) {
    const parsed = parseLine(line);
    if (parsed === null) continue;
    if (parsed['cat'] === 'Session' && parsed['name'] === 'model_run') {
      runs.push(current);
      current = [];
    }
    const event = nodeEventOf(parsed);
    if (event !== null) current.push(event);
  }
  return runs;
}

function parseLine(line: string): JsonObject | null {
  const text = line.trim().replace(/,$/, '');
  if (!text.startsWith('{')) return null;
  const whole = parseObject(text);
  if (whole !== null) return whole;
  // `"name" :"...", "args" : {...}}`: the last args is the runtime's own, since names come before it.
  const start = text.lastIndexOf('"args" : ');
  const args = start < 0 ? null : parseObject(text.slice(start + '"args" : '.length, -1));
  const head = /"cat" : "(\w+)".*?"dur" :(\d+),.*?"ts" :(\d+)/.exec(text);
  if (args === null || head === null) return null;
  return { cat: head[1], dur: Number(head[2]), ts: Number(head[3]), name: NODE_SUFFIX, args };
}

function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

function nodeEventOf(parsed: JsonObject): TraceEvent | null {
  const { cat, name, args, ts, dur } = parsed;
  if (cat !== 'Node' || typeof name !== 'string' || !name.endsWith(NODE_SUFFIX) || !isJsonObject(args))
    return null;
  return {
    name: name.slice(0, -NODE_SUFFIX.length),
    opType: String(args['op_name'] ?? ''),
    nodeIndex: Number(args['node_index'] ?? -1),
    startUs: Number(ts),
    durationUs: Number(dur),
    inputs: tensorsOf(args['input_type_shape']),
    outputs: tensorsOf(args['output_type_shape']),
  };
}

function tensorsOf(value: unknown): readonly RunTensor[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((item: unknown) => {
    const [entry] = isJsonObject(item) ? Object.entries(item) : [];
    if (entry === undefined || !Array.isArray(entry[1])) return [];
    const [type, shape] = entry;
    // The runtime writes only its own type names here.
    return [{ dtype: SPELLINGS[type] ?? (type as Dtype), shape: shape.map(Number) }];
  });
}
