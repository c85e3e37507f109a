import type { ModelStructure } from '../model/model-structure.ts';
import { shortenText, visibleText } from './escape.ts';
import { formatCount, formatShape } from './format-values.ts';
import { renderColumns } from './text-columns.ts';

const LISTED = 8;
const LONGEST_TEXT = 80;

const shown = (text: string): string =>
  shortenText(visibleText(text.replace(/\s+/g, ' ').trim()), LONGEST_TEXT);

/** What of a model most models do not have. Empty where there is nothing to say; ends without a line break. */
export function renderStructure(structure: ModelStructure): string {
  const facts: string[][] = [];
  const { documentation, domain, modelVersion } = structure;
  if (documentation.model !== '') facts.push(['Description', shown(documentation.model)]);
  if (documentation.graph !== '') facts.push(['Graph notes', shown(documentation.graph)]);
  if (domain !== '') facts.push(['Domain', shown(domain)]);
  if (modelVersion !== 0) facts.push(['Version', String(modelVersion)]);
  if (structure.quantisation !== null) facts.push(['Quantised', structure.quantisation]);
  if (structure.sparseInitializerCount > 0) {
    facts.push(['Sparse', formatCount(structure.sparseInitializerCount, 'sparse initializer')]);
  }
  if (structure.trainingStepCount > 0) {
    facts.push(['Training', `${formatCount(structure.trainingStepCount, 'step')}, which inference ignores`]);
  }
  const pair = [{ align: 'left' }, { align: 'left' }] as const;
  const sections = [
    facts.length === 0 ? [] : ['Also in the file', ...renderColumns(pair, facts)],
    listed(
      'Optional inputs (the model has a default)',
      structure.optionalInputs.map(({ name, dtype, shape }) => [
        shown(name),
        `${dtype}${formatShape(shape)}`,
      ]),
      structure.optionalInputs.length,
    ),
    listed(
      'Functions',
      structure.functions.map(({ name, nodeCount, calls }) => [
        shown(name),
        `${formatCount(nodeCount, 'node')}, ${formatCount(calls, 'call')}`,
      ]),
      structure.functions.length,
    ),
    listed(
      'Subgraphs',
      structure.subgraphs.map(({ place, name, nodeCount }) => [
        shown(place),
        `${name === '' ? '' : `${shown(name)}, `}${formatCount(nodeCount, 'node')}`,
      ]),
      structure.subgraphCount,
    ),
  ];
  return sections
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n');
}

function listed(title: string, rows: readonly (readonly string[])[], count: number): readonly string[] {
  if (rows.length === 0) return [];
  const lines = renderColumns([{ align: 'left' }, { align: 'left' }], rows.slice(0, LISTED));
  return [title, ...lines, ...(count > LISTED ? [`  ... and ${count - LISTED} more`] : [])];
}
