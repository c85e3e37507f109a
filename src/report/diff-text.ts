import type { ModelDiff, ValueChange } from '../model/diff/model-diff.ts';
import type { ValueInfo } from '../model/inspection.ts';
import { shortenText, visibleText } from './escape.ts';
import { formatCount, formatShape, formatValue } from './format-values.ts';
import { renderColumns } from './text-columns.ts';

const LISTED = 8;
const LONGEST_NAME = 44;

const VERDICTS: Readonly<Record<ModelDiff['verdict'], string>> = {
  'same model': 'The same model',
  're-export': 'A re-export of the same model',
  'new weights': 'The same graph with new weights',
  'other precision': 'The same graph in another precision',
  'changed interface': 'The same graph behind another interface',
  'changed architecture': 'A changed architecture',
};

const shown = (name: string): string =>
  name === '' ? '(no name)' : shortenText(visibleText(name), LONGEST_NAME);
const bytes = (sizeBytes: number): string => formatValue(sizeBytes, 'bytes');

/** `1.4 %`, or a factor where it is more than the weight itself. */
export function formatRelativeDistance(distance: number): string {
  if (Number.isNaN(distance)) return 'not a number';
  if (distance === 0) return '0';
  if (!Number.isFinite(distance)) return 'from zero';
  const percent = distance * 100;
  return percent < 0.001
    ? 'under 0.001 %'
    : `${percent >= 1000 ? Math.round(percent) : percent.toPrecision(3)} %`;
}

/** What `inspect --diff` prints: the answer first, then what differs. One screen. Ends without a line break. */
export function renderDiff(diff: ModelDiff): string {
  const sections = [
    headlineOf(diff),
    frameOf(diff),
    valuesOf('Inputs', diff.inputs),
    valuesOf('Outputs', diff.outputs),
    nodesOf(diff),
    operatorsOf(diff),
    weightsOf(diff),
    sizesOf(diff),
  ];
  return sections
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n');
}

function headlineOf(diff: ModelDiff): readonly string[] {
  return [
    `${VERDICTS[diff.verdict]}: ${diff.reasons.map(visibleText).join('; ')}.`,
    '',
    ...renderColumns(
      [{ align: 'left' }, { align: 'left', widest: 72 }, { align: 'right' }],
      [
        ['before', visibleText(diff.before.path), bytes(diff.before.sizeBytes)],
        ['after', visibleText(diff.after.path), bytes(diff.after.sizeBytes)],
      ],
    ),
  ];
}

function frameOf({ producer, irVersion, opsets }: ModelDiff): readonly string[] {
  const rows: string[][] = [];
  if (producer !== null) rows.push(['Producer', `${shown(producer.before)} → ${shown(producer.after)}`]);
  for (const { domain, before, after } of opsets) {
    const which = domain === 'ai.onnx' ? 'Opset' : `Opset ${shown(domain)}`;
    rows.push([which, `${before ?? 'none'} → ${after ?? 'none'}`]);
  }
  if (irVersion !== null) rows.push(['IR version', `${irVersion.before ?? '?'} → ${irVersion.after ?? '?'}`]);
  return rows.length === 0 ? [] : renderColumns([{ align: 'left' }, { align: 'left' }], rows);
}

const describeValue = (value: ValueInfo): string =>
  value.kind === 'tensor'
    ? `${value.dtype}${formatShape(value.shape)}`
    : visibleText(value.type ?? value.kind);

function valuesOf(title: string, changes: readonly ValueChange[]): readonly string[] {
  if (changes.length === 0) return [];
  const rows = changes.slice(0, LISTED).map(({ name, before, after }) => {
    if (before === null) return ['+', shown(name), after === null ? '' : describeValue(after)];
    if (after === null) return ['-', shown(name), describeValue(before)];
    return ['~', shown(name), `${describeValue(before)} → ${describeValue(after)}`];
  });
  return [
    title,
    ...renderColumns([{ align: 'left' }, { align: 'left' }, { align: 'left' }], rows),
    ...more(changes.length),
  ];
}

const more = (count: number): readonly string[] =>
  count > LISTED ? [`  ... and ${count - LISTED} more`] : [];

function nodesOf({ nodes }: ModelDiff): readonly string[] {
  const { changed, added, removed, conversions } = nodes;
  if (changed.length + added.length + removed.length === 0 && !conversions.differ) return [];
  const counts = [
    `${nodes.matched.toLocaleString('en-US')} match`,
    ...(changed.length === 0 ? [] : [`${changed.length} changed`]),
    ...(added.length === 0 ? [] : [`${added.length} added`]),
    ...(removed.length === 0 ? [] : [`${removed.length} removed`]),
    ...(conversions.differ ? [`${conversions.before} → ${conversions.after} that convert or quantise`] : []),
  ];
  const rows = [
    ...changed.map(node => [
      '~',
      shown(
        node.operatorBefore === node.operatorAfter
          ? node.operatorAfter
          : `${node.operatorBefore} → ${node.operatorAfter}`,
      ),
      shown(node.name),
      visibleText(node.changes.join('; ')),
    ]),
    ...grouped(added).map(([operator, text]) => ['+', shown(operator), text, '']),
    ...grouped(removed).map(([operator, text]) => ['-', shown(operator), text, '']),
  ];
  return [
    `Nodes  ${counts.join(', ')}`,
    ...renderColumns(
      [{ align: 'left' }, { align: 'left' }, { align: 'left' }, { align: 'left', widest: 70 }],
      rows.slice(0, LISTED * 2),
    ),
    ...(rows.length > LISTED * 2 ? [`  ... and ${rows.length - LISTED * 2} more lines`] : []),
  ];
}

/** Added or removed nodes by operator, the most first: `3 times: conv7, conv8, ...`. */
function grouped(nodes: ModelDiff['nodes']['added']): readonly (readonly [string, string])[] {
  const groups = Map.groupBy(nodes, ({ operator }) => operator);
  return [...groups]
    .sort(([, one], [, other]) => other.length - one.length)
    .map(([operator, members]) => {
      const names = members.map(({ name }) => name).filter(name => name !== '');
      const listed = names.slice(0, 2).map(shown).join(', ');
      const rest = names.length > 2 ? ', …' : '';
      return [operator, `${members.length}${listed === '' ? '' : `: ${listed}${rest}`}`] as const;
    });
}

function operatorsOf({ operators, nodes }: ModelDiff): readonly string[] {
  if (operators.length === 0 || nodes.added.length + nodes.removed.length === 0) return [];
  const items = operators
    .slice(0, LISTED)
    .map(({ operator, before, after }) => `${shown(operator)} ${before} → ${after}`);
  const rest = operators.length - LISTED;
  return ['Operators', `  ${items.join(', ')}${rest > 0 ? ` and ${formatCount(rest, 'other')}` : ''}`];
}

function weightsOf({ weights }: ModelDiff): readonly string[] {
  const counts = [
    `${weights.equal} of ${weights.compared} equal`,
    ...(weights.moved === 0 ? [] : [`${weights.moved} moved`]),
    ...(weights.reshaped === 0 ? [] : [`${weights.reshaped} of another size or type`]),
    ...(weights.unknown === 0 ? [] : [`${weights.unknown} not comparable`]),
    ...(weights.onlyBefore === 0 ? [] : [`${weights.onlyBefore} only before`]),
    ...(weights.onlyAfter === 0 ? [] : [`${weights.onlyAfter} only after`]),
  ];
  if (weights.compared + weights.onlyBefore + weights.onlyAfter === 0) return [];
  const distance =
    weights.moved === 0 || weights.relativeL2 === null
      ? ''
      : `; together ${formatRelativeDistance(weights.relativeL2)} away (relative L2)`;
  const rows = weights.movedMost
    .slice(0, LISTED)
    .map(({ name, operator, dims, relativeL2 }) => [
      shown(name),
      shown(operator),
      formatShape(dims),
      formatRelativeDistance(relativeL2),
    ]);
  return [
    `Weights  ${counts.join(', ')}${distance}`,
    ...renderColumns([{ align: 'left' }, { align: 'left' }, { align: 'left' }, { align: 'right' }], rows),
    ...more(weights.moved),
  ];
}

function sizesOf({ sizes }: ModelDiff): readonly string[] {
  if (sizes.every(({ beforeBytes, afterBytes }) => beforeBytes === afterBytes)) return [];
  const rows = sizes
    .slice(0, LISTED)
    .map(({ part, beforeBytes, afterBytes }) => [
      shown(part),
      bytes(beforeBytes),
      '→',
      bytes(afterBytes),
      beforeBytes === afterBytes
        ? ''
        : `${afterBytes > beforeBytes ? '+' : '-'}${bytes(Math.abs(afterBytes - beforeBytes))}`,
    ]);
  return [
    'Size',
    ...renderColumns(
      [{ align: 'left' }, { align: 'right' }, { align: 'left' }, { align: 'right' }, { align: 'right' }],
      rows,
    ),
  ];
}
