import { escapeHtml } from './escape.ts';
import { renderGraphSvg } from './graph-svg.ts';
import type { ModelReport } from './report.ts';

/** A drawing with more boxes is no longer read in a page; `inspect --graph` makes a file of it. */
export const GRAPH_MAX_BOXES = 400;

/**
 * The graph of the candidate, collapsed until it is asked for; empty where the report carries none. The drawing scrolls
 * in its own frame, which the keyboard reaches.
 * @param id unique in the page.
 */
export function graphFigure(model: ModelReport, id: string): string {
  const { outline } = model;
  if (outline === undefined || outline.boxes.length > GRAPH_MAX_BOXES) return '';
  const title = `Graph of ${model.name}: ${outline.nodeCount} nodes`;
  return `<details><summary>Graph of the candidate</summary><div class="graph" role="img" tabindex="0" aria-label="${escapeHtml(title)}">${renderGraphSvg(outline, title, id)}</div></details>`;
}
