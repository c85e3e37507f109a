import { REGISTRY_SCHEMAS } from '../../src/registry/schemas.ts';
import { describeSchema, type SchemaWords } from '../../src/shared/schema-words.ts';

const SHA256_OF_MODEL =
  'Identity of the model: of one file, that of the file; else over names and digests of its parts.';
const CREATED = "By the writer's clock: ISO 8601, UTC.";
const RECORD_ID = '26 characters of Crockford base 32: ten of milliseconds, sixteen of chance.';
const MODEL_NAME = 'Of the model, not encoded.';
const INPUTS = 'The set of inputs that `metrics` belong to.';
const INPUTS_NAME = '`long, batch=8`; empty where the model has one set.';
const INPUTS_DIGEST = 'sha256 over names, dtypes, shapes and bytes: times of other inputs are no comparison.';
const METRIC = 'What got worse.';
const NOW = "In the metric's unit, as it was last told.";

/** An input or output in a version's interface. */
const valueIn = (field: string): SchemaWords => ({
  [`${field}.name`]: 'As callers name it.',
  [`${field}.kind`]: "ONNX's type: `tensor`, `sequence`, `map`.",
  [`${field}.dtype`]: 'Of the tensor, or of the innermost tensor.',
  [`${field}.shape`]: 'Sizes, symbols, or null for an open side; null as a whole: the rank is unknown.',
});

/** What the fields that readers demand of a record mean. */
const WORDS: Readonly<Record<keyof typeof REGISTRY_SCHEMAS, SchemaWords>> = {
  format: { format: 'A reader refuses a number that is higher than what it knows.' },
  model: {
    name: MODEL_NAME,
    createdAt: CREATED,
    owners: 'That it began with; events change them.',
    tags: 'That it began with; events change them.',
    description: 'That it began with; null: none.',
  },
  version: {
    model: MODEL_NAME,
    version: 'Semantic version.',
    previous: 'The version before it; null for the first.',
    sha256: SHA256_OF_MODEL,
    sizeBytes: 'Of all parts together.',
    parts: 'The model file first, then its external data.',
    'parts.path': "Relative to the model's folder.",
    'parts.sha256': 'Of the bytes of the file.',
    'parts.sizeBytes': 'Of the file.',
    interface: 'What callers depend on.',
    'interface.inputs': 'What a caller must give.',
    ...valueIn('interface.inputs'),
    'interface.outputs': 'What a caller gets.',
    ...valueIn('interface.outputs'),
    'interface.opsets': 'Version by domain; ONNX itself is `ai.onnx`.',
    'interface.optionalInputs': 'Inputs that have a default in the file.',
    ...valueIn('interface.optionalInputs'),
    inspection: 'As in [the report](report.md#inspection); null where an import had no file.',
    bytes: 'Where the bytes are.',
    'bytes.kind': 'One that a later version adds is tolerated: its bytes are then not to be had.',
    'bytes.kind=blob': 'On the branch, under `blobs/`, one for each part.',
    'bytes.kind=commit': 'In a source repository.',
    'bytes.kind=lfs': 'A Git LFS object.',
    'bytes.kind=oci': 'An artifact in a container registry.',
    'bytes.kind=none': 'Nowhere that is known.',
    'bytes.repository': 'Address; null: the repository that holds the registry.',
    'bytes.commit': 'That has the file.',
    'bytes.path': "Relative to the repository's root.",
    'bytes.oid': 'sha256 by which Git LFS names the object.',
    'bytes.reference': 'With its digest: `ghcr.io/acme/digits@sha256:…`.',
    'bytes.reason': 'Why, for people.',
    source: 'Where the file came from.',
    'source.commit': 'null: it was not committed.',
    'source.path': "Relative to the repository's root.",
    createdAt: CREATED,
    author: 'Who wrote the record.',
    'author.name': 'As git has it, or as the CI calls them.',
    'author.email': 'Empty where it is not known; may be absent.',
  },
  digest: {
    sha256: SHA256_OF_MODEL,
    version: 'Which has these bytes.',
  },
  measurement: {
    id: RECORD_ID,
    model: MODEL_NAME,
    sha256: `${SHA256_OF_MODEL} null: an import did not say it.`,
    createdAt: CREATED,
    fingerprint: 'The machine; [the report](report.md#environment) has its other fields.',
    'fingerprint.key': 'Measurements are compared only where it is the same.',
    metrics: 'By name, in the unit of the metric: milliseconds, bytes, counts.',
    inputs: `${INPUTS} Absent from imports and earlier versions.`,
    'inputs.name': INPUTS_NAME,
    'inputs.digest': INPUTS_DIGEST,
    furtherInputs: 'The same of every other set of inputs; absent where there are none.',
    'furtherInputs.inputs': INPUTS,
    'furtherInputs.inputs.name': INPUTS_NAME,
    'furtherInputs.inputs.digest': INPUTS_DIGEST,
    'furtherInputs.metrics': 'By name, in the unit of the metric.',
  },
  verdict: {
    id: RECORD_ID,
    model: MODEL_NAME,
    sha256: SHA256_OF_MODEL,
    gate: 'failed: a hard gate; warned: only soft ones; no-verdict: it could not be decided.',
    createdAt: CREATED,
    accepted: 'What would have failed and was let through on purpose; absent where there is nothing.',
    'accepted.finding': 'As it was named: `slower:digits`, or the rule and the name of a contract break.',
    'accepted.by': '`label`, `configuration` or `flag`.',
  },
  event: {
    id: `${RECORD_ID} Greater than every id that its writer saw: it orders the events of a model.`,
    model: MODEL_NAME,
    version: 'null: it is about the model as a whole.',
    kind: 'What happened; kinds of later versions are kept, and change nothing.',
    createdAt: CREATED,
    author: 'Who did it.',
    'author.name': 'As git has it, or as the CI calls them.',
    'author.email': 'Empty where it is not known; may be absent.',
    status: 'That the version has from then on; of an approval, the one that is approved.',
    digests: 'Blobs that were taken away.',
    fingerprint: 'Key of the kind of machine.',
    state: 'How what is in production was there.',
    problems: 'What is wrong; empty where it is healthy.',
    'problems.kind=worse': 'Worse than its own history.',
    'problems.kind=over-limit': 'More than the policy allows.',
    'problems.kind=broken': 'It cannot be loaded or run.',
    'problems.metric': METRIC,
    'problems.workload':
      'Name of the set of inputs; absent where the metric does not depend on them, or there is one set only.',
    'problems.now': NOW,
    'problems.reference': 'What was normal, from earlier measurements.',
    'problems.reference.typical': "Their middle, in the metric's unit.",
    'problems.reference.low': 'Lower end of what the next measurement was expected to be.',
    'problems.reference.high': 'Upper end of it.',
    'problems.reference.points': 'Measurements behind it.',
    'problems.limit': "In the metric's unit.",
    'problems.code': 'Permanent name of the error.',
    'problems.message': 'What happened, for people.',
    key: 'Names this state; the same in later events that only say who else was told.',
    told: '`key` of what was last told, by the name of the place.',
    images: 'That were published.',
    'images.name': 'Without tag and digest: `ghcr.io/acme/digits`.',
    'images.digest': 'Of the index: `sha256:…`.',
    'images.tags': 'That stand for it since then; may be empty.',
    port: 'That the server in the images listens on; records of earlier releases have none.',
  },
};

/** The schemas that readers check every file of the registry branch with, in words, by kind of record. */
export const DESCRIBED_RECORDS: Readonly<Record<string, object>> = Object.fromEntries(
  Object.entries(REGISTRY_SCHEMAS).map(([kind, schema]) => [
    kind,
    describeSchema(schema as Readonly<Record<string, unknown>>, WORDS[kind as keyof typeof WORDS]),
  ]),
);

/** schemas/registry.schema.json: one definition for each kind of record. */
export const REGISTRY_SCHEMA: object = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'QuickServeML registry branch',
  description:
    'What readers demand of each kind of record; docs/registry-format.md says where they are. Writers add more, and unknown fields are left alone.',
  definitions: DESCRIBED_RECORDS,
};
