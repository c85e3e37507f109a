import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  compareWithContract,
  contractOf,
  parseContract,
  serialiseContract,
} from '../contract/contract-file.ts';
import { hasForm, type PayloadSide } from '../contract/payload-forms.ts';
import { createPayloadValidator, recogniseForm } from '../contract/payload-validator.ts';
import { inspectRead } from '../model/model-inspection.ts';
import { interfaceOf } from '../model/model-interface.ts';
import { readModel } from '../model/model-reader.ts';
import { fileReason, messageOf, QuickServeError } from '../shared/errors.ts';
import { terminalSafe } from '../shared/terminal-text.ts';
import type { CommandResult } from './command-result.ts';
import { replaceTextFile } from './text-file.ts';

export interface ValidateOptions {
  /** Absolute. */
  readonly model: string;
  /** A payload file. */
  readonly input?: string;
  /** The payload is a response. */
  readonly response?: boolean;
  readonly contract?: string;
  /** Write the contract file from the model instead of checking. */
  readonly update?: boolean;
  readonly cwd: string;
}

const LARGEST_PAYLOAD_BYTES = 536_870_912;

function usage(message: string, hint: string): QuickServeError {
  return new QuickServeError({ code: 'USAGE', message, hint });
}

async function readText(path: string, shown: string): Promise<string> {
  try {
    if ((await stat(path)).size > LARGEST_PAYLOAD_BYTES) throw new RangeError('it is larger than 512 MiB');
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new QuickServeError({
      code: 'FILE_UNREADABLE',
      message: `${shown} cannot be read: ${fileReason(error)}.`,
      hint: 'Name an existing file.',
      cause: error,
    });
  }
}

function parsePayload(text: string, shown: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new QuickServeError({
      code: 'PAYLOAD_INVALID',
      message: `${shown} is not JSON: ${messageOf(error)}.`,
      hint: 'NaN, Infinity, comments and trailing commas are not JSON.',
      cause: error,
    });
  }
}

async function validatePayload(options: ValidateOptions, input: string): Promise<CommandResult> {
  const model = interfaceOf(readModel(options.model));
  const side: PayloadSide = options.response === true ? 'response' : 'request';
  const payload = parsePayload(await readText(resolve(options.cwd, input), input), input);
  const form = recogniseForm(payload, side);
  if (!hasForm(model, side, form)) {
    throw usage(
      `The model's ${side} cannot be written in the form "${form}".`,
      'See `quickserveml schema` for the form that it can have.',
    );
  }
  const { problems } = createPayloadValidator(model, side, form)(payload);
  const lines = problems.map(({ path, message }) =>
    terminalSafe(path === '' ? message : `${path}: ${message}`),
  );
  return {
    document: { valid: problems.length === 0, form, side, problems },
    text:
      problems.length === 0
        ? `${input} is a ${side} that the model ${side === 'request' ? 'takes' : 'gives'} (${form} form).`
        : lines.join('\n'),
    exitCode: problems.length === 0 ? 0 : 1,
  };
}

async function validateContract(options: ValidateOptions, file: string): Promise<CommandResult> {
  const model = readModel(options.model);
  const wanted = { interface: interfaceOf(model), metadata: inspectRead(model, null).metadata };
  const path = resolve(options.cwd, file);
  if (options.update === true) {
    const earlier = existsSync(path) ? parseContract(await readText(path, file), file) : null;
    const contract = contractOf(wanted, earlier);
    await replaceTextFile(path, serialiseContract(contract));
    return { document: contract, text: `${file} now holds the interface of the model.`, exitCode: 0 };
  }
  const contract = parseContract(await readText(path, file), file);
  const comparison = compareWithContract(contract, wanted);
  const lines = comparison.changes.map(({ effect, rule, message }) =>
    terminalSafe(`${effect}  ${rule}: ${message}`),
  );
  const headline = {
    unchanged: 'The model keeps the contract; nothing has changed.',
    compatible: 'The model keeps the contract.',
    breaking: 'The model breaks the contract.',
  }[comparison.kind];
  return {
    document: comparison,
    text: [headline, ...lines].join('\n'),
    exitCode: comparison.kind === 'breaking' ? 1 : 0,
  };
}

/**
 * `validate MODEL --input PAYLOAD` or `--contract CONTRACT`. Exit code 1 where the payload does not fit or the contract
 * is broken. @throws QuickServeError USAGE, FILE_UNREADABLE, PAYLOAD_INVALID, CONTRACT_FILE_INVALID, MODEL_*.
 */
export async function validateCommand(options: ValidateOptions): Promise<CommandResult> {
  const { input, contract } = options;
  if (input !== undefined && contract === undefined) return validatePayload(options, input);
  if (contract !== undefined && input === undefined) return validateContract(options, contract);
  throw usage(
    'Either --input or --contract must be given.',
    'For example: quickserveml validate model.onnx --input request.json',
  );
}
