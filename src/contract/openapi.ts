import type { ModelInterface } from '../model/inspection.ts';
import { hasForm, type PayloadForm, type PayloadSide } from './payload-forms.ts';
import { payloadSchemaBody } from './payload-schema.ts';
import type { JsonSchema } from './tensor-schema.ts';

export interface OpenApiOptions {
  readonly modelName: string;
  /** Of the model, where it has one. */
  readonly version: string;
}

const reference = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

const jsonContent = (schema: JsonSchema): JsonSchema => ({ content: { 'application/json': { schema } } });

const ERROR_SCHEMA: JsonSchema = {
  type: 'object',
  properties: { error: { type: 'string', description: 'where and why the request was refused' } },
  required: ['error'],
};

function operation(options: {
  readonly id: string;
  readonly summary: string;
  readonly request: JsonSchema;
  readonly response: JsonSchema;
}): JsonSchema {
  return {
    post: {
      operationId: options.id,
      summary: options.summary,
      requestBody: { required: true, ...jsonContent(options.request) },
      responses: {
        '200': { description: "the model's outputs", ...jsonContent(options.response) },
        '400': { description: 'the request is not what the model takes', ...jsonContent(reference('Error')) },
      },
    },
  };
}

/** An OpenAPI 3.1 document of a served model: `/predict` in the plain and the single form, and the Open Inference Protocol. */
export function openApiDocument(model: ModelInterface, options: OpenApiOptions): JsonSchema {
  const schemas: [string, JsonSchema][] = [['Error', ERROR_SCHEMA]];
  const add = (name: string, side: PayloadSide, form: PayloadForm): JsonSchema => {
    schemas.push([name, payloadSchemaBody(model, side, form)]);
    return reference(name);
  };
  const requests = [add('PredictRequest', 'request', 'plain')];
  if (hasForm(model, 'request', 'single')) requests.push(add('PredictSingleRequest', 'request', 'single'));
  const response = add('PredictResponse', 'response', 'plain');
  const singleResponse = hasForm(model, 'response', 'single')
    ? add('PredictSingleResponse', 'response', 'single')
    : null;
  const paths: [string, JsonSchema][] = [
    [
      '/predict',
      operation({
        id: 'predict',
        summary: `Runs ${options.modelName}. A request in the single form is answered in the single form where the model has one output.`,
        request: requests.length === 1 ? reference('PredictRequest') : { oneOf: requests },
        response:
          singleResponse === null || requests.length === 1 ? response : { oneOf: [response, singleResponse] },
      }),
    ],
  ];
  if (hasForm(model, 'request', 'v2') && hasForm(model, 'response', 'v2')) {
    paths.push([
      `/v2/models/${encodeURIComponent(options.modelName)}/infer`,
      operation({
        id: 'infer',
        summary: `Runs ${options.modelName} (Open Inference Protocol v2)`,
        request: add('InferRequest', 'request', 'v2'),
        response: add('InferResponse', 'response', 'v2'),
      }),
    ]);
  }
  return {
    openapi: '3.1.1',
    info: { title: options.modelName, version: options.version },
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(schemas) },
  };
}
