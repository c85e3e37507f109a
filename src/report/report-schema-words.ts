import type { JsonSchema } from './report-schema-parts.ts';

/** What the fields of a report mean, by the part of the schema that has them; docs/report.md shows it. */
const WORDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  report: {
    schemaVersion: 'Goes up where a field changes its meaning.',
    tool: 'What wrote it.',
    createdAt: 'When it was written: ISO 8601, UTC.',
    gate: 'The verdict over all models.',
    base: 'What was compared with; null where there was nothing.',
    head: 'What was checked; null outside of a repository.',
    change: 'Where the change is being reviewed.',
    models: 'Every model that the check looked at, changed or not.',
    findings: 'What is about the check as a whole.',
    environment: 'The machine that measured; null where nothing was measured.',
    seed: 'Of synthetic inputs, and of what else is drawn by chance.',
    durationMs: 'Of the whole check, by the wall clock.',
    registry: 'What became of the record on the registry branch.',
    'change.platform': 'Where the check ran; `local` is a laptop or a CI without comments.',
    'change.repository': '`owner/name`; null where it is not known.',
    'change.pullRequest': 'Number of the pull or merge request; null outside of one.',
    'change.runUrl': 'Page of the run.',
    'change.filesUrl': 'Where the files of the commit can be looked at, without the path.',
    'registry.recording': 'Whether a record was made, will be, was left out or failed.',
    'registry.reason': 'Why it was left out or failed; empty otherwise.',
    'registry.entries': 'Versions of this check.',
    'registry.entries.new': 'False where the same bytes had a version already.',
  },
  inspection: {
    path: 'As it was named, or relative to the repository.',
    sha256: 'Null where nobody asked for it: it reads all bytes.',
    opsets: 'Version by domain; ONNX itself is `ai.onnx`.',
    inputs: 'What a caller gives; those that have a default in the file are left out.',
    nodeCount: 'Of the top graph.',
    subgraphNodeCount: 'Of the graphs inside of its nodes.',
    functionCount: 'Functions that the file defines.',
    operators: 'Nodes by operator, with the domain where it is not ONNX itself.',
    initializerCount: 'Weights of the graph.',
    parameterCount: 'Their elements.',
    initializerBytes: 'Their bytes, by dtype.',
    externalData: 'Files that hold weights beside the model.',
  },
  value: {
    dtype: 'Of the tensor, or of the innermost tensor.',
    shape: 'Sizes, symbols, or null for a side that is open; null as a whole: the rank is unknown.',
    type: "The whole type in ONNX's notation, where it is no tensor.",
  },
  environment: {
    key: 'Measurements are compared only where it is the same.',
    isa: 'Instruction sets of the processor, by which the runtime chooses its kernels.',
    cores: 'That the job may use.',
    cpuQuota: 'Of the control group, in processors; null where there is none.',
    threads: 'Intra-op threads.',
    calibrationMs:
      'Milliseconds of a fixed piece of work; not in the key, since it varies with the neighbours.',
  },
  model: {
    name: 'As the configuration calls it, else the path without its ending.',
    state: 'How it stands to the base.',
    gate: 'The verdict on this model.',
    base: 'What is in the file of the base; null where there is none.',
    candidate: 'What is in the file of the change; null where it is gone or unreadable.',
    contract: 'How the interfaces differ; null where one side has none.',
    metrics: 'One entry for each metric and set of inputs.',
    measurement: 'How the times came about.',
    version: 'The version that a record makes, and the one before it; null where nothing is to be recorded.',
    findings: 'What is to be said of this model.',
    contractGate:
      'What a break of the contract means by the policy that was applied; hard where it is absent.',
    cases: 'Test cases, drift and accuracy.',
    history: 'Earlier measurements that may be compared.',
    layers: 'Where the time goes.',
    outline: 'The graph of the candidate, simplified for a drawing.',
  },
  metric: {
    metric: 'What was measured or counted.',
    unit: 'Of `base`, `candidate`, `samples` and the limits.',
    base: 'Median of the launches, or the count; null where it is not known.',
    candidate: 'The same of the change.',
    difference: 'Null where there is nothing to compare with.',
    policy: 'The rule that was applied: a share for `maxRegression`, the unit for `max` and `min`.',
    outcome: 'What came of it.',
  },
  measurement: {
    launches: 'Fresh processes that ran the model.',
    runs: 'Runs of the base and of the candidate that were timed.',
    durationMs: 'Time that measuring took, by the wall clock.',
    confirmed: 'A regression was measured a second time, and was there again.',
    feedDigest: 'sha256 over names, dtypes, shapes and bytes of the inputs.',
    feedOrigin: 'Where the inputs came from.',
    waitShare:
      'Share of the time that the measuring thread waited for a CPU, which was taken out; null where unknown.',
  },
  contract: {
    kind: 'Whether callers of the base can call the candidate.',
    bump: 'The least change of the version number that is honest.',
    changes: 'One entry for each difference.',
  },
  finding: {
    severity: 'What it does to the verdict: an error fails it.',
    message: 'What happened, with the name of the thing.',
    hint: 'What to do about it.',
  },
  difference: {
    estimate: 'As a share: 0.05 is 5 % more than the base.',
    low: 'Lower end of the interval.',
    high: 'Upper end of the interval.',
    confidence: 'Of the interval, for this one comparison.',
  },
  commit: { sha: 'Commit id.' },
};

type Properties = Readonly<Record<string, JsonSchema>>;

/** The words below a field: `change.platform` under `change` is `platform`. */
const below = (words: Readonly<Record<string, string>>, field: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(words)
      .filter(([path]) => path.startsWith(`${field}.`))
      .map(([path, text]) => [path.slice(field.length + 1), text]),
  );

function withFieldWords(schema: JsonSchema, words: Readonly<Record<string, string>>): JsonSchema {
  if (Object.keys(words).length === 0) return schema;
  const properties = schema['properties'] as Properties | undefined;
  const members = schema['oneOf'] as readonly JsonSchema[] | undefined;
  const items = schema['items'] as JsonSchema | undefined;
  const described = (fields: Properties): Properties =>
    Object.fromEntries(
      Object.entries(fields).map(([name, field]) => {
        const inner = withFieldWords(field, below(words, name));
        const text = words[name];
        return [name, text === undefined ? inner : { description: text, ...inner }];
      }),
    );
  return {
    ...schema,
    ...(properties === undefined || members !== undefined ? {} : { properties: described(properties) }),
    ...(members === undefined ? {} : { oneOf: members.map(member => withFieldWords(member, words)) }),
    // A list has the words of what is in it.
    ...(items === undefined ? {} : { items: withFieldWords(items, words) }),
  };
}

/** A part of the report's schema with the words for its fields; those that the schema has itself stay. */
export const describeFields = (part: string, schema: JsonSchema): JsonSchema =>
  withFieldWords(schema, WORDS[part] ?? {});

/** Parts and fields that have words, for the test that holds them against the schema. */
export const describedFields = (): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(Object.entries(WORDS).map(([part, words]) => [part, Object.keys(words)]));
