import { actionTables } from './action-tables.ts';

/** docs/action.md from the text of action.yml. */
export function actionPage(actionText: string): string {
  const { inputs, outputs } = actionTables(actionText);
  return [
    '# The GitHub Action',
    '',
    'Written from [action.yml](../action.yml). [Getting started](getting-started.md) has a workflow,',
    '[examples/](examples) has complete ones, [forks.md](forks.md) the pair for pull requests of strangers. What is about',
    'models, rules and images belongs into the [configuration](configuration.md); an input wins over it.',
    '',
    '## Inputs',
    '',
    inputs,
    '',
    '## Outputs',
    '',
    outputs,
    '',
  ].join('\n');
}
