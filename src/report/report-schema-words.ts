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

function withFieldWords(schema: JsonSchema, words: Readonly<Record<string, string>>): JsonSchema {
  const properties = schema['properties'] as Properties | undefined;
  const members = schema['oneOf'] as readonly JsonSchema[] | undefined;
  const described = (fields: Properties): Properties =>
    Object.fromEntries(
      Object.entries(fields).map(([name, field]) => {
        const text = words[name];
        return [name, text === undefined ? field : { description: text, ...field }];
      }),
    );
  return {
    ...schema,
    ...(properties === undefined || members !== undefined ? {} : { properties: described(properties) }),
    ...(members === undefined ? {} : { oneOf: members.map(member => withFieldWords(member, words)) }),
  };
}

/** A part of the report's schema with the words for its fields; those that the schema has itself stay. */
export const describeFields = (part: string, schema: JsonSchema): JsonSchema =>
  withFieldWords(schema, WORDS[part] ?? {});

/** Parts and fields that have words, for the test that holds them against the schema. */
export const describedFields = (): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(Object.entries(WORDS).map(([part, words]) => [part, Object.keys(words)]));
