import type { Outline } from '../../model/drawing/outline.ts';
import { outlineGraph } from '../../model/drawing/outline-graph.ts';
import { GRAPH_MAX_BOXES } from '../../report/html-graph.ts';
import type { CheckedModel } from './checked-model.ts';

/** So many drawings a report: a page with a hundred would be slow to open, and nobody looks at the hundredth. */
const MOST_DRAWINGS = 10;
const LONGEST_NAME = 500;
const MOST_ARROWS = 4_000;

const shorten = (text: string): string => text.slice(0, LONGEST_NAME);

function bounded(outline: Outline): Outline {
  return {
    ...outline,
    name: shorten(outline.name),
    boxes: outline.boxes.map(box => ({
      ...box,
      name: shorten(box.name),
      lines: box.lines
        .slice(0, 100)
        .map(({ operator, detail }) => ({ operator: shorten(operator), detail: shorten(detail) })),
    })),
  };
}

/** Outlines of the graphs that are new or changed, by model name, for the drawing in the report. */
export function drawGraphs(checked: readonly CheckedModel[]): ReadonlyMap<string, Outline> {
  const drawn = new Map<string, Outline>();
  for (const { report, candidate } of checked) {
    if (candidate === null || report.state.kind === 'identical' || drawn.size === MOST_DRAWINGS) continue;
    const outline = outlineGraph(candidate.model.graph);
    const isReadable = outline.boxes.length <= GRAPH_MAX_BOXES && outline.arrows.length <= MOST_ARROWS;
    if (isReadable && outline.boxes.length > 0) drawn.set(report.name, bounded(outline));
  }
  return drawn;
}
