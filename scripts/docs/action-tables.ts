import { markdownTable } from 'markdown-table';
import { parse } from 'yaml';
import { cell, code } from './markdown.ts';

interface ActionFile {
  readonly inputs?: Readonly<Record<string, { readonly description?: string; readonly default?: string }>>;
  readonly outputs?: Readonly<Record<string, { readonly description?: string }>>;
}

/** The tables of inputs and outputs from the text of action.yml. */
export function actionTables(actionText: string): { readonly inputs: string; readonly outputs: string } {
  const action: ActionFile = parse(actionText);
  const inputs = Object.entries(action.inputs ?? {}).map(([name, input]) => [
    code(name),
    code(input.default ?? ''),
    cell(input.description ?? ''),
  ]);
  const outputs = Object.entries(action.outputs ?? {}).map(([name, output]) => [
    code(name),
    cell(output.description ?? ''),
  ]);
  return {
    inputs: markdownTable([['input', 'default', ''], ...inputs], { alignDelimiters: false }),
    outputs: markdownTable([['output', ''], ...outputs], { alignDelimiters: false }),
  };
}
