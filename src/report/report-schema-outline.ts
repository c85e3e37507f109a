/** JSON Schema of the drawn graph in a report (model/drawing/outline.ts). Ids are the drawing's own, not the model's. */

import {
  choice,
  count,
  type JsonSchema,
  list,
  nullable,
  record,
  SHORT,
  size,
  text,
} from './report-schema-parts.ts';

const BOX_KINDS = [
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
    name: text(SHORT),
    nodeCount: count,
    boxes: list(
      record({
        id: text(SHORT),
        kind: choice(...BOX_KINDS),
        lines: list(record({ operator: text(SHORT), detail: text(SHORT) }), 100),
        name: text(SHORT),
        nodeCount: count,
        parameterCount: size,
        frame: nullable(text(SHORT)),
      }),
      400,
    ),
    frames: list(
      record({ id: text(SHORT), repeats: count, nodeCount: count, frame: nullable(text(SHORT)) }),
      400,
    ),
    arrows: list(record({ from: text(SHORT), to: text(SHORT) }), 4_000),
  }),
};
