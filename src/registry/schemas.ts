import { Ajv, type ValidateFunction } from 'ajv';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import { REGISTRY_FILE, REGISTRY_FORMAT } from './layout.ts';
import type {
  DigestRecord,
  EventRecord,
  MeasurementRecord,
  ModelRecord,
  RegistryFormat,
  VerdictRecord,
  VersionRecord,
} from './records.ts';
import { VERSION_STATUSES } from './records.ts';

/** The record behind each kind of file. */
export interface RecordTypes {
  readonly format: RegistryFormat;
  readonly model: ModelRecord;
  readonly version: VersionRecord;
  readonly digest: DigestRecord;
  readonly measurement: MeasurementRecord;
  readonly verdict: VerdictRecord;
  readonly event: EventRecord;
}

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const bytes = { type: 'integer', minimum: 0 };
const list = (items: object): object => ({ type: 'array', items });
const person = { type: 'object', required: ['name'], properties: { name: text, email: text } };
/** Fields of a newer version are tolerated everywhere: no `additionalProperties: false`. */
const record = (
  required: Readonly<Record<string, object>>,
  optional: Readonly<Record<string, object>> = {},
): object => ({
  type: 'object',
  required: Object.keys(required),
  properties: { ...required, ...optional },
});

const value = record({ name: text, kind: text, dtype: text, shape: { type: ['array', 'null'] } });
const location = (kind: string, fields: Readonly<Record<string, object>>): object =>
  record({ kind: { type: 'string', const: kind }, ...fields });

const numbers = { type: 'object', additionalProperties: { type: 'number' } };
const recordedInputs = record({ name: text, digest: text });

/** More fields that events of one kind must have; other kinds pass. */
const eventOf = (
  kind: string,
  fields: Readonly<Record<string, object>>,
  optional: Readonly<Record<string, object>> = {},
): object => ({
  if: { properties: { kind: { const: kind } } },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: { required: Object.keys(fields), properties: { ...fields, ...optional } },
});

const number = { type: 'number' };
const timedMetric = { type: 'string', enum: ['latency', 'load-time', 'memory'] };
const only = (kind: string): object => ({ type: 'string', const: kind });
const reference = record({ typical: number, low: number, high: number, points: number });
const HEALTH_PROBLEMS = [
  record({ kind: only('worse'), metric: timedMetric, now: number, reference }, { workload: text }),
  record({ kind: only('over-limit'), metric: timedMetric, now: number, limit: number }, { workload: text }),
  record({ kind: only('broken'), code: text, message: text }),
];

/** JSON Schemas (draft 7) of the files on the registry branch, by kind. */
export const REGISTRY_SCHEMAS: Readonly<Record<keyof RecordTypes, object>> = {
  format: record({ format: { type: 'integer', minimum: 1 } }),
  model: record({
    name: text,
    createdAt: text,
    owners: list(text),
    tags: list(text),
    description: textOrNull,
  }),
  version: record({
    model: text,
    version: text,
    previous: textOrNull,
    sha256,
    sizeBytes: bytes,
    parts: list(record({ path: text, sha256, sizeBytes: bytes })),
    interface: record({
      inputs: list(value),
      outputs: list(value),
      opsets: { type: 'object', additionalProperties: { type: 'integer' } },
      optionalInputs: list(value),
    }),
    inspection: { type: ['object', 'null'] },
    bytes: {
      type: 'object',
      required: ['kind'],
      // A kind that a newer version added is tolerated: its bytes are then not to be had, the record still counts.
      anyOf: [
        location('blob', {}),
        location('commit', { repository: textOrNull, commit: text, path: text }),
        location('lfs', { repository: textOrNull, commit: text, path: text, oid: sha256 }),
        location('oci', { reference: text }),
        location('none', { reason: text }),
        {
          type: 'object',
          properties: { kind: { type: 'string', not: { enum: ['blob', 'commit', 'lfs', 'oci', 'none'] } } },
        },
      ],
    },
    source: record({ commit: textOrNull, path: text }),
    createdAt: text,
    author: person,
  }),
  digest: record({ sha256, version: text }),
  measurement: record(
    {
      id: text,
      model: text,
      sha256: { type: ['string', 'null'], pattern: '^[0-9a-f]{64}$' },
      createdAt: text,
      fingerprint: record({ key: text }),
      metrics: numbers,
    },
    {
      inputs: recordedInputs,
      furtherInputs: list(record({ inputs: recordedInputs, metrics: numbers })),
    },
  ),
  verdict: record(
    {
      id: text,
      model: text,
      sha256,
      gate: { type: 'string', enum: ['passed', 'warned', 'failed', 'no-verdict'] },
      createdAt: text,
    },
    { accepted: list(record({ finding: text, by: text })) },
  ),
  event: {
    ...record({ id: text, model: text, version: textOrNull, kind: text, createdAt: text, author: person }),
    allOf: [
      eventOf('status', { status: { type: 'string', enum: VERSION_STATUSES } }),
      eventOf('approval', { status: { type: 'string', enum: VERSION_STATUSES } }),
      eventOf('purge', { digests: list(sha256) }),
      eventOf('health', {
        fingerprint: text,
        state: { type: 'string', enum: ['healthy', 'degraded'] },
        problems: list({ anyOf: HEALTH_PROBLEMS }),
        key: text,
        told: { type: 'object', additionalProperties: text },
      }),
      eventOf(
        'deployment',
        { images: list(record({ name: text, digest: text, tags: list(text) })) },
        { port: { type: 'integer', minimum: 1 } },
      ),
    ],
  },
};

/** A file of the branch is not what it should be. @param path with the line where there are several records. */
export function malformed(path: string, why: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'REGISTRY_MALFORMED',
    message: `${path} on the registry branch is malformed: ${why}. Nothing was changed.`,
    hint: 'Restore that file from the history of the branch (git log -- <file>), then run again.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Checks and reads the files of the branch. */
export interface RecordReader {
  /**
   * @param path of the file, for messages.
   * @throws QuickServeError REGISTRY_MALFORMED, REGISTRY_FORMAT_UNKNOWN.
   */
  read<K extends keyof RecordTypes>(kind: K, path: string, content: Uint8Array): RecordTypes[K];
}

/** @throws QuickServeError REGISTRY_MALFORMED where it is not JSON in UTF-8. */
export function parseRecord(path: string, content: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
  } catch (error) {
    throw malformed(path, `it is not JSON (${messageOf(error)})`, error);
  }
}

/** Compiles the schemas when they are first needed. */
export function createRecordReader(): RecordReader {
  const ajv = new Ajv({ allErrors: false, allowUnionTypes: true });
  const validators = new Map<string, ValidateFunction>();
  const isValid = <K extends keyof RecordTypes>(
    kind: K,
    path: string,
    parsed: unknown,
  ): parsed is RecordTypes[K] => {
    const validate = validators.get(kind) ?? ajv.compile(REGISTRY_SCHEMAS[kind]);
    validators.set(kind, validate);
    if (validate(parsed)) return true;
    throw malformed(path, ajv.errorsText(validate.errors, { dataVar: 'the record' }));
  };
  return {
    read(kind, path, content) {
      const parsed = parseRecord(path, content);
      if (!isValid(kind, path, parsed)) throw malformed(path, 'it does not match its schema');
      return parsed;
    },
  };
}

/**
 * @throws QuickServeError REGISTRY_FORMAT_UNKNOWN where the branch was written in a later format.
 */
export function checkFormat(format: number): void {
  if (format <= REGISTRY_FORMAT) return;
  throw new QuickServeError({
    code: 'REGISTRY_FORMAT_UNKNOWN',
    message: `${REGISTRY_FILE} says format ${format}; this version knows formats up to ${REGISTRY_FORMAT}. Nothing was changed.`,
    hint: 'Update QuickServeML to the version that wrote the registry, or a later one.',
  });
}

/** One line of a pack. */
export const serialiseLine = (value: object): string => `${JSON.stringify(value)}\n`;

/** How a record is written: sorted keys would cost nothing to readers, but the order of the type reads better in a diff. */
export function serialiseRecord(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`, 'utf8');
}
