import { type Edge, type EdgeLabel, Graph, type GraphLabel, layout, type NodeLabel } from '@dagrejs/dagre';
import type { Box, BoxKind, Outline } from '../model/drawing/outline.ts';
import { escapeXml, shortenText, visibleText } from './escape.ts';

const LINE_HEIGHT = 16;
const PADDING = 8;
/** Generous: fonts differ, and text must not leave its box. */
const BOLD_WIDTH = 8;
const PLAIN_WIDTH = 6.9;
/** Above the first row of a frame, for its label. */
const FRAME_HEAD = 20;
const MARGIN = 24;
const TITLE_HEIGHT = 34;
const LONGEST_TEXT = 46;

/** Fill and border by kind; readable in grey, too. */
const COLOURS: Readonly<Record<BoxKind, readonly [fill: string, border: string]>> = {
  input: ['#ffffff', '#57606a'],
  output: ['#ffffff', '#57606a'],
  product: ['#dbe9ff', '#3b6fb6'],
  activation: ['#fde2d8', '#b85c38'],
  normalisation: ['#e4f3dc', '#4d8a34'],
  pooling: ['#efe3f9', '#7d4fa8'],
  shape: ['#f2f2f2', '#8c959f'],
  control: ['#fff3c4', '#9a7600'],
  other: ['#fafafa', '#8c959f'],
};

const safe = (text: string): string => escapeXml(shortenText(visibleText(text), LONGEST_TEXT));
const fixed = (value: number): string => String(Math.round(value * 10) / 10);

/**
 * A drawing of an outline, from top to bottom. Names are escaped; the file has no scripts, links or fonts.
 * @param id makes the drawing's own ids unique where several stand in one page.
 */
export function renderGraphSvg(outline: Outline, title: string, id = 'graph'): string {
  const graph = layOut(outline);
  const { width = 0, height = 0 } = graph.graph();
  const fullWidth = Math.max(width + 2 * MARGIN, 360);
  const fullHeight = height + 2 * MARGIN + TITLE_HEIGHT;
  const size = `${fixed(fullWidth)} ${fixed(fullHeight)}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size}" width="${fixed(fullWidth)}" height="${fixed(fullHeight)}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12">`,
    `<defs><marker id="${id}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#57606a"/></marker></defs>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${MARGIN}" y="28" font-size="16" font-weight="600" fill="#1f2328">${escapeXml(shortenText(visibleText(title), 90))}</text>`,
    `<g transform="translate(${MARGIN} ${MARGIN + TITLE_HEIGHT})">`,
    ...outline.frames.map(frame => drawFrame(frame, graph.node(frame.id))),
    ...graph.edges().map((edge: Edge) => drawArrow(graph.edge(edge), id)),
    ...outline.boxes.map(box => drawBox(box, graph.node(box.id))),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

type Layout = Graph<GraphLabel, NodeLabel, EdgeLabel>;

function layOut(outline: Outline): Layout {
  const graph: Layout = new Graph({ compound: true });
  graph.setGraph({ rankdir: 'TB', nodesep: 24, ranksep: 32, edgesep: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const frame of outline.frames) graph.setNode(frame.id, { width: 0, height: 0 });
  for (const box of outline.boxes) graph.setNode(box.id, sizeOf(box));
  for (const frame of outline.frames) if (frame.frame !== null) graph.setParent(frame.id, frame.frame);
  for (const box of outline.boxes) if (box.frame !== null) graph.setParent(box.id, box.frame);
  for (const { from, to } of outline.arrows) graph.setEdge(from, to);
  layout(graph);
  return graph;
}

/** What is in the box and has no line of its own. */
function noteOf({ nodeCount, lines, parameterCount }: Box): string {
  const hidden = nodeCount - lines.length;
  return [
    ...(parameterCount >= 1000 ? [`${formatCount(parameterCount)} parameters`] : []),
    ...(hidden > 0 ? [`+ ${hidden} for shapes and constants`] : []),
  ].join(', ');
}

const formatCount = (count: number): string =>
  count >= 1e6
    ? `${(count / 1e6).toPrecision(3)} M`
    : count >= 1e3
      ? `${(count / 1e3).toPrecision(3)} K`
      : String(count);

function sizeOf(box: Box): { width: number; height: number } {
  const lengthOf = (text: string): number => Math.min(LONGEST_TEXT, [...visibleText(text)].length);
  const note = noteOf(box);
  const widths = box.lines.map(
    ({ operator, detail }) => lengthOf(operator) * BOLD_WIDTH + (lengthOf(detail) + 1) * PLAIN_WIDTH,
  );
  const rows = box.lines.length + (note === '' ? 0 : 1);
  return {
    width: Math.max(48, lengthOf(note) * 6, ...widths) + 2 * PADDING,
    height: rows * LINE_HEIGHT + 2 * PADDING - 2,
  };
}

function drawBox(box: Box, place: NodeLabel): string {
  const { x = 0, y = 0, width = 0, height = 0 } = place;
  const [fill, border] = COLOURS[box.kind];
  const left = x - width / 2;
  const top = y - height / 2;
  const isTerminal = box.kind === 'input' || box.kind === 'output';
  const note = noteOf(box);
  const lines = box.lines.map(
    ({ operator, detail }, index) =>
      `<text x="${fixed(left + PADDING)}" y="${fixed(top + PADDING + 11 + index * LINE_HEIGHT)}"><tspan font-weight="600" fill="#1f2328">${safe(operator)}</tspan>${detail === '' ? '' : ` <tspan fill="#57606a">${safe(detail)}</tspan>`}</text>`,
  );
  if (note !== '') {
    lines.push(
      `<text x="${fixed(left + PADDING)}" y="${fixed(top + PADDING + 11 + box.lines.length * LINE_HEIGHT)}" font-size="10.5" fill="#57606a">${safe(note)}</text>`,
    );
  }
  const name = box.name === '' ? '' : `<title>${escapeXml(shortenText(visibleText(box.name), 200))}</title>`;
  return `<g>${name}<rect x="${fixed(left)}" y="${fixed(top)}" width="${fixed(width)}" height="${fixed(height)}" rx="${isTerminal ? 12 : 4}" fill="${fill}" stroke="${border}"/>${lines.join('')}</g>`;
}

function drawFrame(frame: Outline['frames'][number], place: NodeLabel): string {
  const { x = 0, y = 0, width = 0, height = 0 } = place;
  const left = x - width / 2;
  const top = y - height / 2 - FRAME_HEAD;
  const label = `× ${frame.repeats}`;
  return (
    `<g><rect x="${fixed(left)}" y="${fixed(top)}" width="${fixed(width)}" height="${fixed(height + FRAME_HEAD)}" rx="8" fill="#57606a" fill-opacity="0.05" stroke="#57606a" stroke-dasharray="5 4"/>` +
    `<text x="${fixed(left + 8)}" y="${fixed(top + 18)}" font-size="14" font-weight="700" fill="#57606a">${label}</text>` +
    `<text x="${fixed(left + 14 + label.length * 8.5)}" y="${fixed(top + 18)}" font-size="11" fill="#57606a">${frame.nodeCount} nodes each</text></g>`
  );
}

function drawArrow({ points = [] }: EdgeLabel, id: string): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  const last = rest.at(-1) ?? first;
  let path = `M${fixed(first.x)} ${fixed(first.y)}`;
  // Corners rounded by curves through the middles of the segments.
  for (let index = 0; index < rest.length - 1; index += 1) {
    const [corner, next] = [rest[index], rest[index + 1]];
    if (corner === undefined || next === undefined) continue;
    const end = index === rest.length - 2 ? next : { x: (corner.x + next.x) / 2, y: (corner.y + next.y) / 2 };
    path += `Q${fixed(corner.x)} ${fixed(corner.y)} ${fixed(end.x)} ${fixed(end.y)}`;
  }
  if (rest.length < 2) path += `L${fixed(last.x)} ${fixed(last.y)}`;
  return `<path d="${path}" fill="none" stroke="#8c959f" marker-end="url(#${id}-tip)"/>`;
}
