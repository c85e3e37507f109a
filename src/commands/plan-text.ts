import type { ReportShard } from '../report/report.ts';
import { terminalSafe } from '../shared/terminal-text.ts';
import type { CheckPlan } from './check.ts';
import type { WatchPlan } from './watch.ts';

const indented = (lines: readonly string[]): readonly string[] =>
  lines.map(line => terminalSafe(`  ${line}`));

/** Which models each shard has, the one that was asked for marked. */
const divisionLines = ({ index, assignment }: ReportShard): readonly string[] => [
  `This is shard ${index}; the whole check is divided into:`,
  ...indented(
    assignment.map((names, at) => `${at + 1}: ${names.length === 0 ? 'nothing' : names.join(', ')}`),
  ),
];

/** What `check --dry-run` says to a person. */
export function checkPlanText({ base, models, shard, budgetMs, comparisons, record }: CheckPlan): string {
  const against =
    base.kind === 'none' ? `nothing (${base.reason})` : `${base.role}, ${base.sha.slice(0, 10)}`;
  const listed = models.map(({ name, path, change, hint, measured, inputs }) => {
    if (hint !== undefined) return `${name}: missing, there is no file ${path}. ${hint}`;
    const sets = inputs.length > 1 ? `, with ${inputs.join(', ')}` : '';
    return `${name}: ${change}, ${measured ? `would be measured${sets}` : 'would not be measured'}`;
  });
  return [
    terminalSafe(`Against: ${against}`),
    ...(models.length === 0 ? ['No model would be checked.'] : ['Models:', ...indented(listed)]),
    ...(shard === undefined ? [] : divisionLines(shard)),
    `At most ${Math.ceil(budgetMs / 1000)} s of measuring, errors bounded over ${comparisons} ${comparisons === 1 ? 'comparison' : 'comparisons'}.`,
    terminalSafe(
      record.planned
        ? `A pass would be recorded on the branch ${record.branch}.`
        : `Nothing would be recorded: ${record.reason}.`,
    ),
  ].join('\n');
}

/** What `watch --dry-run` says to a person. */
export function watchPlanText({ models, record, reason, places }: WatchPlan): string {
  const told = places.map(({ name, kind }) => `${name} (${kind})`);
  return [
    ...(models.length === 0
      ? ['Nothing is in production; `quickserveml registry promote NAME@VERSION` puts a version there.']
      : ['Would be measured:', ...indented(models.map(({ name, version }) => `${name} ${version}`))]),
    ...(record
      ? [
          'The measurements would be recorded.',
          told.length === 0
            ? 'Nobody would be told of a change: `alerts.places` is not set.'
            : terminalSafe(`Would be told of a change: ${told.join(', ')}.`),
        ]
      : [terminalSafe(`Nothing would be recorded, and nobody told: ${reason}.`)]),
  ].join('\n');
}
