import { basename, extname, resolve } from 'node:path';
import { openApiDocument } from '../contract/openapi.ts';
import { payloadExample } from '../contract/payload-example.ts';
import {
  hasForm,
  isDescribable,
  type PayloadForm,
  type PayloadSide,
  payloadValues,
} from '../contract/payload-forms.ts';
import { payloadSchema } from '../contract/payload-schema.ts';
import type { ModelInterface } from '../model/inspection.ts';
import { interfaceOf } from '../model/model-interface.ts';
import { readModel } from '../model/model-reader.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { CommandResult } from './command-result.ts';
import { replaceTextFile } from './text-file.ts';

export interface SchemaOptions {
  /** Absolute. */
  readonly model: string;
  readonly form?: PayloadForm;
  readonly side?: PayloadSide;
  /** The whole API instead of one schema. */
  readonly openapi?: boolean;
  /** A payload that fits instead of its schema. */
  readonly example?: boolean;
  readonly output?: string;
  readonly cwd: string;
}

/** The name of a model without its folder and ending. */
export const modelTitle = (path: string): string =>
  basename(path, extname(path)) === 'model' ? basename(resolve(path, '..')) : basename(path, extname(path));

function assertForm(model: ModelInterface, side: PayloadSide, form: PayloadForm): void {
  const { required, optional } = payloadValues(model, side);
  const unknown = [...required, ...optional].find(info => !isDescribable(info));
  if (unknown !== undefined) {
    throw new QuickServeError({
      code: 'MODEL_INVALID',
      message: `The model does not say what the elements of ${JSON.stringify(unknown.name)} are.`,
      hint: 'Export it with typed inputs and outputs (shape inference adds the types of outputs).',
    });
  }
  if (hasForm(model, side, form)) return;
  throw new QuickServeError({
    code: 'USAGE',
    message: `The model's ${side} cannot be written in the form "${form}".`,
    hint:
      form === 'single'
        ? 'That form is for exactly one value. Use --form plain.'
        : 'The Open Inference Protocol has no such element type. Use --form plain.',
  });
}

/** `schema MODEL`: JSON Schema 2020-12 of requests or responses, or OpenAPI 3.1. @throws QuickServeError MODEL_*, USAGE, OUTPUT_UNWRITABLE. */
export async function schemaCommand(options: SchemaOptions): Promise<CommandResult> {
  const model = interfaceOf(readModel(options.model));
  const name = modelTitle(options.model);
  const form = options.form ?? 'plain';
  const side = options.side ?? 'request';
  assertForm(model, side, form);
  if (options.openapi === true) assertForm(model, 'response', 'plain');
  const document =
    options.openapi === true
      ? openApiDocument(model, { modelName: name, version: '1.0.0' })
      : options.example === true
        ? payloadExample(model, side, form)
        : payloadSchema(model, side, form, name);
  const text = `${JSON.stringify(document, null, 2)}\n`;
  if (options.output === undefined) return { document, text, exitCode: 0 };
  await replaceTextFile(resolve(options.cwd, options.output), text);
  return { document, text: `Written to ${options.output}.`, exitCode: 0 };
}
