import { writeFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { outlineGraph } from '../../model/drawing/outline-graph.ts';
import type { Model } from '../../model/model.ts';
import { fileReason, QuickServeError } from '../../shared/errors.ts';

/** dagre takes minutes beyond it, and nobody could look at it. */
const MOST_BOXES = 600;

/**
 * Writes the outline of a model's graph: as a drawing (.svg) or as data for a viewer (.json).
 * @throws QuickServeError USAGE for another ending, GRAPH_TOO_LARGE, OUTPUT_UNWRITABLE.
 */
export async function writeGraphFile(model: Model, file: string): Promise<void> {
  const format = extname(file).toLowerCase();
  if (format !== '.svg' && format !== '.json') {
    throw new QuickServeError({
      code: 'USAGE',
      message: `--graph writes .svg or .json, not "${basename(file)}".`,
      hint: 'Name a file with one of these endings.',
    });
  }
  const outline = outlineGraph(model.graph);
  if (format === '.json') {
    await write(file, `${JSON.stringify(outline, null, 1)}\n`);
    return;
  }
  if (outline.boxes.length > MOST_BOXES) {
    throw new QuickServeError({
      code: 'GRAPH_TOO_LARGE',
      message: `The graph has ${outline.boxes.length} boxes even with repeated blocks drawn once; no drawing of more than ${MOST_BOXES} can be read.`,
      hint: 'Write it as data instead (--graph graph.json), or open the model in a viewer that folds, such as Netron.',
    });
  }
  // The layout library is loaded by those who draw, and by nobody else.
  const { renderGraphSvg } = await import('../../report/graph-svg.ts');
  await write(file, renderGraphSvg(outline, `${basename(model.path)}: ${outline.nodeCount} nodes`));
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    throw new QuickServeError({
      code: 'OUTPUT_UNWRITABLE',
      message: `The graph cannot be written to ${file}: ${fileReason(cause)}.`,
      hint: 'Check that the folder exists and may be written to.',
      cause,
    });
  }
}
