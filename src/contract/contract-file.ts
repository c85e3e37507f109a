import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ModelInterface, ValueInfo } from '../model/inspection.ts';
import { isElementType } from '../shared/element-types.ts';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import { quoteName } from '../shared/terminal-text.ts';
import { compareInterfaces } from './compare-interfaces.ts';
import type { ContractChange, ContractComparison } from './comparison.ts';

/** A checked-in `*.contract.json`: what callers and the deployment rely on, whatever the base commit has. */
export interface ContractFile {
  readonly contractVersion: 1;
  readonly interface: ModelInterface;
  /** Highest opset by domain that the deployment's runtime knows. */
  readonly maxOpsets: Readonly<Record<string, number>>;
  /** Entries of the model's metadata that callers read (class names, units, ...): they must stay as they are. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What of a model a contract is held against. */
export interface ContractSubject {
  readonly interface: ModelInterface;
  readonly metadata: Readonly<Record<string, string>>;
}

const VALUE = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    kind: { enum: ['tensor', 'sparse_tensor', 'sequence', 'map', 'optional'] },
    dtype: { type: 'string' },
    shape: {
      anyOf: [
        { type: 'null' },
        {
          type: 'array',
          items: { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }, { type: 'null' }] },
          maxItems: 64,
        },
      ],
    },
    type: { type: 'string' },
  },
  required: ['name', 'kind', 'dtype', 'shape'],
  additionalProperties: false,
};
const VALUES = { type: 'array', items: VALUE };
const OPSETS = { type: 'object', additionalProperties: { type: 'integer', minimum: 1 } };

/** JSON Schema of the file. */
export const CONTRACT_FILE_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'QuickServeML contract',
  description: 'The interface of a model that its callers rely on.',
  type: 'object',
  properties: {
    $schema: { type: 'string' },
    contractVersion: { const: 1 },
    inputs: VALUES,
    optionalInputs: VALUES,
    outputs: VALUES,
    opsets: { ...OPSETS, description: 'Opset version by domain.' },
    maxOpsets: { ...OPSETS, description: "Highest opset by domain that the deployment's runtime knows." },
    metadata: {
      type: 'object',
      description: "Entries of the model's metadata that must stay as they are, such as class names.",
      additionalProperties: { type: 'string' },
    },
  },
  required: ['contractVersion', 'inputs', 'outputs'],
  additionalProperties: false,
} as const;

function invalid(name: string, what: string, cause?: unknown): QuickServeError {
  return new QuickServeError({
    code: 'CONTRACT_FILE_INVALID',
    message: `${name}: ${what}.`,
    hint: 'Write it again from a model that is right: quickserveml validate MODEL --contract FILE --update',
    cause,
  });
}

interface RawContract {
  readonly inputs: readonly ValueInfo[];
  readonly optionalInputs?: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly opsets?: Readonly<Record<string, number>>;
  readonly maxOpsets?: Readonly<Record<string, number>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** @param name of the file, for messages. @throws QuickServeError CONTRACT_FILE_INVALID. */
export function parseContract(text: string, name: string): ContractFile {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw invalid(name, `is not JSON: ${messageOf(error)}`, error);
  }
  const validate = new Ajv2020({ strict: false }).compile<RawContract>(CONTRACT_FILE_SCHEMA);
  if (!validate(document)) {
    const [first] = validate.errors ?? [];
    throw invalid(name, `${first?.instancePath || 'the file'} ${first?.message ?? 'is not right'}`);
  }
  const { inputs, outputs, optionalInputs = [], opsets = {}, maxOpsets = {}, metadata = {} } = document;
  for (const values of [[...inputs, ...optionalInputs], outputs]) {
    const names = values.map(value => value.name);
    const twice = names.find((value, index) => names.indexOf(value) !== index);
    if (twice !== undefined) throw invalid(name, `${quoteName(twice)} is there twice`);
    const odd = values.find(({ dtype }) => !isElementType(dtype));
    if (odd !== undefined)
      throw invalid(name, `${quoteName(odd.name)} has the unknown dtype ${quoteName(odd.dtype)}`);
  }
  return { contractVersion: 1, interface: { inputs, outputs, optionalInputs, opsets }, maxOpsets, metadata };
}

/**
 * The contract that a model keeps now. What an earlier contract declares (the deployment's opsets, metadata keys) stays
 * declared, with the model's present values.
 */
export function contractOf(subject: ContractSubject, earlier: ContractFile | null): ContractFile {
  const declared = Object.keys(earlier?.metadata ?? {}).filter(key => Object.hasOwn(subject.metadata, key));
  return {
    contractVersion: 1,
    interface: subject.interface,
    maxOpsets: earlier?.maxOpsets ?? {},
    metadata: Object.fromEntries(declared.map(key => [key, subject.metadata[key] ?? ''])),
  };
}

/** The file's text: stable, one value a block, so that a diff shows what changed. Ends with a line break. */
export function serialiseContract(contract: ContractFile): string {
  const { inputs, outputs, optionalInputs, opsets } = contract.interface;
  const document = {
    contractVersion: contract.contractVersion,
    inputs,
    ...(optionalInputs.length === 0 ? {} : { optionalInputs }),
    outputs,
    opsets,
    ...(Object.keys(contract.maxOpsets).length === 0 ? {} : { maxOpsets: contract.maxOpsets }),
    ...(Object.keys(contract.metadata).length === 0 ? {} : { metadata: contract.metadata }),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Metadata that was declared and is gone or another. */
function metadataChanges(
  declared: Readonly<Record<string, string>>,
  actual: Readonly<Record<string, string>>,
): readonly ContractChange[] {
  return Object.entries(declared).flatMap(([key, wanted]): readonly ContractChange[] => {
    const got = Object.hasOwn(actual, key) ? actual[key] : undefined;
    if (got === wanted) return [];
    const common = { effect: 'breaking', side: 'model', name: key, base: null, candidate: null } as const;
    return got === undefined
      ? [
          {
            ...common,
            rule: 'metadata-removed',
            message: `The metadata ${quoteName(key)} is gone: callers read it.`,
          },
        ]
      : [
          {
            ...common,
            rule: 'metadata-changed',
            message: `The metadata ${quoteName(key)} was ${quoteName(wanted)} and is ${quoteName(got)}: callers read it.`,
          },
        ];
  });
}

/** How a model stands to a contract file: the rules of compareInterfaces, and declared metadata. */
export function compareWithContract(contract: ContractFile, subject: ContractSubject): ContractComparison {
  // A file that says nothing of opsets asks nothing of them.
  const opsets =
    Object.keys(contract.interface.opsets).length === 0
      ? subject.interface.opsets
      : contract.interface.opsets;
  const compared = compareInterfaces({ ...contract.interface, opsets }, subject.interface, {
    maxOpsets: contract.maxOpsets,
  });
  const metadata = metadataChanges(contract.metadata, subject.metadata);
  const above = aboveDeployment(contract, subject, compared.changes);
  const changes = [...compared.changes, ...above, ...metadata];
  return metadata.length + above.length > 0
    ? { kind: 'breaking', bump: 'major', changes }
    : { ...compared, changes };
}

/** An opset that the contract itself already has may still be above what the deployment knows. */
function aboveDeployment(
  contract: ContractFile,
  subject: ContractSubject,
  found: readonly ContractChange[],
): readonly ContractChange[] {
  return Object.entries(contract.maxOpsets).flatMap(([domain, highest]): readonly ContractChange[] => {
    const version = Object.hasOwn(subject.interface.opsets, domain)
      ? (subject.interface.opsets[domain] ?? 0)
      : 0;
    const said = found.some(({ rule, name }) => rule === 'opset-unsupported' && name === domain);
    if (version <= highest || said) return [];
    const message = `Opset ${version} of ${quoteName(domain)} is higher than the deployment's runtime knows (${highest}): it would not load the model.`;
    return [
      {
        rule: 'opset-unsupported',
        effect: 'breaking',
        side: 'model',
        name: domain,
        base: null,
        candidate: null,
        message,
      },
    ];
  });
}
