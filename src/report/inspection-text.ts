import type { Dimension, Inspection, ValueInfo } from '../model/inspection.ts';
import { shortenText, visibleText } from './escape.ts';
import { formatCount, formatValue } from './format-values.ts';

const LINE_CHARACTERS = 100;
const LONGEST_NAME = 48;
const LISTED_OPERATORS = 14;
const LISTED_VALUES = 40;
const LISTED_METADATA = 12;

/** What `inspect` prints for people: one screen for most models. Names are escaped for the terminal. Ends without a line break. */
export function renderInspection(inspection: Inspection): string {
  const sections = [
    headlineOf(inspection),
    factsOf(inspection),
    valuesOf('Inputs', inspection.inputs),
    valuesOf('Outputs', inspection.outputs),
    operatorsOf(inspection.operators),
    externalDataOf(inspection),
    metadataOf(inspection.metadata),
    findingsOf(inspection),
  ];
  return sections
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n');
}

function headlineOf({ path, format, sizeBytes, externalData }: Inspection): readonly string[] {
  const external = externalData.reduce((total, file) => total + (file.sizeBytes ?? 0), 0);
  const beside = external === 0 ? '' : ` + ${formatBytes(external)} beside it`;
  const kind = format === 'ort' ? 'ORT format' : 'ONNX';
  return [`${visibleText(path)}  ${kind}, ${formatBytes(sizeBytes)}${beside}`];
}

function factsOf(inspection: Inspection): readonly string[] {
  const { producer, irVersion, sha256 } = inspection;
  const facts: (readonly [string, string])[] = [];
  const madeBy = `${producer.name} ${producer.version}`.trim();
  if (madeBy !== '') facts.push(['Producer', shown(madeBy)]);
  const opsets = Object.entries(inspection.opsets).map(([domain, version]) =>
    domain === 'ai.onnx' ? String(version) : `${shown(domain)} ${version}`,
  );
  if (opsets.length > 0) facts.push(['Opset', opsets.join(', ')]);
  if (irVersion !== null) facts.push(['IR version', String(irVersion)]);
  facts.push(['Graph', describeGraph(inspection)]);
  facts.push(['Parameters', describeParameters(inspection)]);
  if (sha256 !== null) facts.push(['SHA-256', sha256]);
  return alignPairs(facts);
}

function describeGraph(inspection: Inspection): string {
  const parts = [formatCount(inspection.nodeCount, 'node')];
  if (inspection.subgraphNodeCount > 0)
    parts.push(`${groupDigits(inspection.subgraphNodeCount)} more in subgraphs and functions`);
  if (inspection.functionCount > 0) parts.push(formatCount(inspection.functionCount, 'function'));
  parts.push(formatCount(inspection.initializerCount, 'initializer'));
  return parts.join(', ');
}

function describeParameters({ parameterCount, initializerBytes }: Inspection): string {
  const bytes = Object.entries(initializerBytes).sort(([, a], [, b]) => b - a);
  if (bytes.length === 0) return groupDigits(parameterCount);
  return `${groupDigits(parameterCount)} (${bytes.map(([dtype, size]) => `${dtype} ${formatBytes(size)}`).join(', ')})`;
}

function valuesOf(title: string, values: readonly ValueInfo[]): readonly string[] {
  if (values.length === 0) return [`${title}: none`];
  const rows = values
    .slice(0, LISTED_VALUES)
    .map(value => [shown(value.name), describeValue(value)] as const);
  const rest = values.length - LISTED_VALUES;
  return [title, ...alignPairs(rows), ...(rest > 0 ? [`  ... and ${rest} more`] : [])];
}

function describeValue(value: ValueInfo): string {
  if (value.kind !== 'tensor') return shown(value.type ?? value.kind);
  if (value.shape === null) return `${value.dtype}, any shape`;
  return value.shape.length === 0
    ? `${value.dtype} scalar`
    : `${value.dtype}[${value.shape.map(describeDimension).join(', ')}]`;
}

function describeDimension(dimension: Dimension): string {
  return dimension === null ? '?' : shown(String(dimension));
}

function operatorsOf(operators: Inspection['operators']): readonly string[] {
  const all = Object.entries(operators).sort(([, a], [, b]) => b - a);
  if (all.length === 0) return [];
  const listed = all
    .slice(0, LISTED_OPERATORS)
    .map(([name, count]) => `${groupDigits(count)} ${shown(name)}`);
  const rest = all.slice(LISTED_OPERATORS);
  const restCount = rest.reduce((total, [, count]) => total + count, 0);
  if (rest.length > 0) listed.push(`${groupDigits(restCount)} of ${formatCount(rest.length, 'other kind')}`);
  return ['Operators', ...wrapItems(listed)];
}

function externalDataOf({ externalData }: Inspection): readonly string[] {
  if (externalData.length === 0) return [];
  const rows = externalData
    .slice(0, LISTED_VALUES)
    .map(
      file => [shown(file.path), file.sizeBytes === null ? 'missing' : formatBytes(file.sizeBytes)] as const,
    );
  return ['External data', ...alignPairs(rows)];
}

function metadataOf(metadata: Inspection['metadata']): readonly string[] {
  const all = Object.entries(metadata);
  if (all.length === 0) return [];
  const rows = all.slice(0, LISTED_METADATA).map(([key, value]) => {
    return [
      key === '' ? '(no key)' : shown(key),
      shortenText(visibleText(value), LINE_CHARACTERS - 30),
    ] as const;
  });
  const rest = all.length - LISTED_METADATA;
  return ['Metadata', ...alignPairs(rows), ...(rest > 0 ? [`  ... and ${rest} more`] : [])];
}

function findingsOf({ findings }: Inspection): readonly string[] {
  if (findings.length === 0) return [];
  return [
    'Findings',
    ...findings.flatMap(({ severity, code, message, hint }) => [
      `  ${severity} ${shown(code)}`,
      `    ${visibleText(message)}`,
      `    ${visibleText(hint)}`,
    ]),
  ];
}

/** Rows of two columns, indented, the first as wide as its longest entry. */
function alignPairs(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => characterCount(left)));
  return rows.map(([left, right]) =>
    `  ${left}${' '.repeat(width - characterCount(left))}  ${right}`.trimEnd(),
  );
}

function wrapItems(items: readonly string[]): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const item of items) {
    const longer = line === '' ? item : `${line}, ${item}`;
    if (line !== '' && longer.length > LINE_CHARACTERS - 2) {
      lines.push(`  ${line},`);
      line = item;
    } else line = longer;
  }
  return line === '' ? lines : [...lines, `  ${line}`];
}

function shown(name: string): string {
  return name === '' ? '(no name)' : shortenText(visibleText(name), LONGEST_NAME);
}

const groupDigits = (count: number): string => count.toLocaleString('en-US');

const formatBytes = (sizeBytes: number): string => formatValue(sizeBytes, 'bytes');

const characterCount = (text: string): number => [...text].length;
