import { markdownTable } from 'markdown-table';
import { parseAllDocuments } from 'yaml';
import { cell, code } from './markdown.ts';

interface ComponentInput {
  readonly default?: unknown;
  readonly description?: string;
  readonly options?: readonly unknown[];
}

/** The table of a GitLab component's inputs, from the first document of its template. */
export function gitLabInputs(templateText: string): string {
  const [head] = parseAllDocuments(templateText);
  const { spec } = (head?.toJS() ?? {}) as {
    readonly spec?: { readonly inputs?: Readonly<Record<string, ComponentInput>> };
  };
  if (spec?.inputs === undefined) throw new Error('the template has no spec.inputs');
  const rows = Object.entries(spec.inputs).map(([name, input]) => [
    code(name),
    defaultOf(input),
    `${cell(input.description ?? '')}${choicesOf(input)}`,
  ]);
  return markdownTable([['input', 'default', ''], ...rows], { alignDelimiters: false });
}

function defaultOf({ default: value }: ComponentInput): string {
  if (value === undefined) return 'required';
  return code(typeof value === 'string' ? value : JSON.stringify(value));
}

function choicesOf({ options }: ComponentInput): string {
  const named = (options ?? []).filter(option => option !== '').map(option => code(String(option)));
  return named.length === 0 ? '' : ` One of ${named.join(', ')}.`;
}
