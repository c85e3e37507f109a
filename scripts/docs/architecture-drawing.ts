import { FRONT_DOOR, IO_ROOMS, roomOf, STAGES } from '../architecture/rooms.ts';
import type { SourceFile } from '../architecture/source-files.ts';

interface Box {
  readonly name: string;
  readonly words: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly kind: 'door' | 'stage' | 'io' | 'bar';
}

/** An arrow from who imports to who is imported. */
interface Arrow {
  readonly from: string;
  readonly to: string;
}

const WIDTH = 1000;
const MARGIN = 20;
const INNER = WIDTH - 2 * MARGIN;
const ROWS = { door: 20, commands: 92, stages: 186, io: 356, shared: 468 } as const;
const HEIGHT = 560;

/** A line for each room; a room that is not here is drawn with its name alone. */
const WORDS: Readonly<Record<string, string>> = {
  config: 'rules',
  model: 'bytes read',
  contract: 'interfaces',
  cases: 'right answers',
  benchmark: 'plan, statistics',
  regression: 'verdict',
  report: 'every format',
  delivery: 'manifests',
  git: 'base commit, LFS',
  network: 'the way out',
  registry: 'the branch',
  serving: 'the server',
  runtime: 'onnxruntime',
  container: 'images, proofs',
  platforms: 'comments',
};

/** From left to right, so that rooms that know each other stand side by side. */
const IO_ORDER: readonly string[] = [
  'registry',
  'git',
  'network',
  'serving',
  'runtime',
  'container',
  'platforms',
];

function row(
  names: readonly string[],
  place: { readonly y: number; readonly height: number; readonly gap: number; readonly kind: Box['kind'] },
): readonly Box[] {
  const width = (INNER - place.gap * (names.length - 1)) / names.length;
  return names.map((name, index) => ({
    name,
    words: WORDS[name] ?? '',
    x: MARGIN + index * (width + place.gap),
    y: place.y,
    width,
    height: place.height,
    kind: place.kind,
  }));
}

function boxes(): readonly Box[] {
  const unplaced = IO_ROOMS.filter(name => !IO_ORDER.includes(name));
  const bar = { x: MARGIN, width: INNER, kind: 'bar' } as const;
  return [
    {
      ...bar,
      kind: 'door',
      name: FRONT_DOOR,
      words: 'cli.ts, action.ts: arguments, environment and clock, read once and handed in; print; exit',
      y: ROWS.door,
      height: 44,
    },
    {
      ...bar,
      name: 'commands',
      words: 'one file a command: the order of the steps, and nothing else',
      y: ROWS.commands,
      height: 44,
    },
    ...row(STAGES, { y: ROWS.stages, height: 60, gap: 18, kind: 'stage' }),
    ...row([...IO_ORDER, ...unplaced], { y: ROWS.io, height: 60, gap: 34, kind: 'io' }),
    {
      ...bar,
      name: 'shared',
      words: 'errors, findings, text: imports nothing of ours',
      y: ROWS.shared,
      height: 44,
    },
  ];
}

/** Who imports values of whom, of the rooms between the two bars. */
function arrowsOf(files: readonly SourceFile[]): readonly Arrow[] {
  const rooms: readonly string[] = [...STAGES, ...IO_ROOMS];
  const found = new Map<string, Arrow>();
  for (const { room, imports } of files) {
    for (const { target, typeOnly } of imports) {
      const to = roomOf(target);
      const isDrawn = !typeOnly && to !== room && rooms.includes(room) && rooms.includes(to);
      if (isDrawn) found.set(`${room} ${to}`, { from: room, to });
    }
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, arrow]) => arrow);
}

const round = (value: number): string => String(Math.round(value * 10) / 10);
const middle = ({ x, width }: Box): number => x + width / 2;

function boxText({ name, words, x, y, width, height, kind }: Box): string {
  const isBar = kind === 'bar' || kind === 'door';
  const [at, nameY, anchor] = isBar
    ? [x + 18, y + height / 2 + 5, 'start']
    : [x + width / 2, y + height / 2 - 3, 'middle'];
  const label = kind === 'door' || kind === 'bar' ? name : `${name}/`;
  const wordsAt = isBar
    ? `x="${round(x + 140)}" y="${round(nameY)}"`
    : `x="${round(at)}" y="${round(y + height / 2 + 16)}"`;
  return [
    `<rect class="${kind}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="6"/>`,
    `<text class="name" x="${round(at)}" y="${round(nameY)}" text-anchor="${anchor}">${label}</text>`,
    `<text class="words" ${wordsAt} text-anchor="${anchor}">${words}</text>`,
  ].join('\n');
}

/** Short arrows of a box to what is right above or below it. */
function straight(x: number, from: number, to: number): string {
  return `<path class="plain" d="M${round(x)} ${from}V${round(to)}" marker-end="url(#head)"/>`;
}

/** A curve between two rooms: between rows bent upwards, within a row from side to side. `lane` spreads the starts. */
function curve(from: Box, to: Box, lane: number): string {
  if (from.y === to.y) {
    const isLeft = to.x < from.x;
    const start = isLeft ? from.x : from.x + from.width;
    const end = isLeft ? to.x + to.width : to.x;
    const y = round(from.y + from.height / 2);
    return `<path class="import" d="M${round(start)} ${y}H${round(end)}" marker-end="url(#head-import)"/>`;
  }
  const startX = middle(from) + lane;
  const endX = middle(to) + Math.max(-30, Math.min(30, (startX - middle(to)) / 12));
  const endY = to.y + to.height;
  const bend = (from.y - endY) * 0.55;
  return `<path class="import" d="M${round(startX)} ${round(from.y)}C${round(startX)} ${round(from.y - bend)} ${round(endX)} ${round(endY + bend)} ${round(endX)} ${round(endY)}" marker-end="url(#head-import)"/>`;
}

function imports(all: readonly Box[], arrows: readonly Arrow[]): readonly string[] {
  const byName = new Map(all.map(box => [box.name, box]));
  return arrows.flatMap(({ from, to }) => {
    const [start, end] = [byName.get(from), byName.get(to)];
    if (start === undefined || end === undefined) return [];
    const targets = arrows
      .filter(arrow => arrow.from === from && byName.get(arrow.to)?.y !== start.y)
      .sort((one, other) => (byName.get(one.to)?.x ?? 0) - (byName.get(other.to)?.x ?? 0));
    const place = targets.findIndex(arrow => arrow.to === to);
    return [curve(start, end, (place - (targets.length - 1) / 2) * 22)];
  });
}

/** The stages hand data on from left to right, by type. */
function flow(all: readonly Box[]): readonly string[] {
  const stages = all.filter(({ kind }) => kind === 'stage');
  return stages.slice(1).map((to, index) => {
    const from = stages[index] ?? to;
    const y = round(from.y + from.height / 2);
    return `<path class="flow" d="M${round(from.x + from.width)} ${y}H${round(to.x)}" marker-end="url(#head-flow)"/>`;
  });
}

const STYLE = `
.ground { fill: #ffffff; stroke: #d1d9e0; }
text { font: 14px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328; }
.name { font-weight: 600; } .words, .row { font-size: 12px; fill: #59636e; }
.door { fill: #f6f8fa; stroke: #59636e; } .bar { fill: #f6f8fa; stroke: #818b98; }
.stage { fill: #ddf4ff; stroke: #0969da; } .io { fill: #fff1e5; stroke: #bc4c00; }
path { fill: none; stroke-width: 1.5; }
.row { paint-order: stroke; stroke: #ffffff; stroke-width: 6px; }
.plain { stroke: #818b98; } .flow { stroke: #0969da; } .import { stroke: #bc4c00; }
.head { fill: #818b98; } .head-flow { fill: #0969da; } .head-import { fill: #bc4c00; }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117; stroke: #3d444d; } text { fill: #f0f6fc; } .words, .row { fill: #9198a1; }
.door, .bar { fill: #151b23; stroke: #656c76; } .stage { fill: #0c2d4f; stroke: #4493f8; } .io { fill: #3d1f06; stroke: #f0883e; }
.row { stroke: #0d1117; } .plain { stroke: #656c76; } .flow { stroke: #4493f8; } .import { stroke: #f0883e; }
.head { fill: #656c76; } .head-flow { fill: #4493f8; } .head-import { fill: #f0883e; }
}`;

const marker = (name: string): string =>
  `<marker id="${name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="${name}" stroke="none" style="stroke:none" d="M0 0L8 4L0 8z"/></marker>`;

/** docs/images/architecture.svg: the rooms of src/, and the imports between them that there are. */
export function architectureDrawing(files: readonly SourceFile[]): string {
  const all = boxes();
  const rooms = all.filter(({ kind }) => kind === 'stage' || kind === 'io');
  const stages = rooms.filter(({ kind }) => kind === 'stage');
  const commands = ROWS.commands + 44;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title">`,
    '<title id="title">The rooms of src/ and the imports between them</title>',
    `<style>${STYLE}\n</style>`,
    `<defs>${['head', 'head-flow', 'head-import'].map(marker).join('')}</defs>`,
    `<rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="8"/>`,
    straight(WIDTH / 2, ROWS.door + 44, ROWS.commands),
    ...stages.map(box => straight(middle(box), commands, box.y)),
    ...flow(all),
    ...imports(all, arrowsOf(files)),
    ...rooms
      .filter(({ kind }) => kind === 'io')
      .map(box => straight(middle(box), box.y + box.height, ROWS.shared)),
    ...all.map(boxText),
    `<text class="row" x="${MARGIN}" y="${ROWS.stages - 24}">pure stages: data in, data out; each takes values of shared/ only, and types of those before it</text>`,
    `<text class="row" x="${MARGIN}" y="${ROWS.io - 10}">input and output</text>`,
    `<text class="row" x="${MARGIN}" y="${HEIGHT - 18}">Grey: may use everything below. Blue: the way of the data. Orange: imports values of, as the sources stand.</text>`,
    '</svg>',
    '',
  ].join('\n');
}
