/** JSON Schema of the drawn graph in a report (model/drawing/outline.ts). Ids are the drawing's own, not the model's. */

type JsonSchema = Readonly<Record<string, unknown>>;

const TEXT: JsonSchema = { type: 'string', maxLength: 1_000 };
const ID: JsonSchema = { type: 'string', maxLength: 1_000 };
const COUNT: JsonSchema = { type: 'integer', minimum: 0 };
const list = (items: JsonSchema, maxItems: number): JsonSchema => ({ type: 'array', items, maxItems });
const record = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
});
const FRAME_OF: JsonSchema = { anyOf: [ID, { type: 'null' }] };
const KINDS = [
  'input',
  'output',
  'product',
  'activation',
  'normalisation',
  'pooling',
  'shape',
  'control',
  'other',
];

export const OUTLINE_SCHEMA: JsonSchema = {
  description: 'The graph of the candidate, simplified for drawing.',
  ...record({
    name: TEXT,
    nodeCount: COUNT,
    boxes: list(
      record({
        id: ID,
        kind: { enum: KINDS },
        lines: list(record({ operator: TEXT, detail: TEXT }), 100),
        name: TEXT,
        nodeCount: COUNT,
        parameterCount: { type: 'number', minimum: 0 },
        frame: FRAME_OF,
      }),
      400,
    ),
    frames: list(record({ id: ID, repeats: COUNT, nodeCount: COUNT, frame: FRAME_OF }), 400),
    arrows: list(record({ from: ID, to: ID }), 4_000),
  }),
};
