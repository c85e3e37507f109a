import type { Gate } from '../regression/verdict.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { Finding } from '../shared/finding.ts';
import type { ModelReport, Report, ReportShard } from './report.ts';
import { lateAcceptances, printable, tornAcceptances } from './shard-acceptances.ts';

/** The report of a shard and where it was read, for messages. */
export interface ShardReport {
  readonly path: string;
  readonly report: Report;
}

export interface MergeOptions {
  /** The commit that is checked, as this run knows it; null: there is none, the reports only have to agree. */
  readonly headSha: string | null;
  /** Of the pull request now; only added to what the parts saw, since an unreadable label looks like a removed one. */
  readonly labels: readonly string[];
  /** The worst of several gates; `passed` for none. */
  readonly worstGate: (gates: readonly Gate[]) => Gate;
}

/** Names of models in a finding; the rest is counted. */
const NAMES_SHOWN = 20;

type Part = ShardReport & { readonly shard: ReportShard };

const mismatch = (message: string, hint: string): QuickServeError =>
  new QuickServeError({ code: 'SHARDS_MISMATCHED', message, hint });

const TOGETHER = 'Merge the reports of one run only: every shard of the same commit, each once.';

function requireParts(reports: readonly ShardReport[]): readonly [Part, ...Part[]] {
  const parts = reports.map(({ path, report }): Part => {
    if (report.shard !== undefined) return { path, report, shard: report.shard };
    throw mismatch(`${path} is the report of a whole check.`, 'Merge what `check --shard i/n` wrote.');
  });
  const [first, ...others] = parts.toSorted((one, other) => one.shard.index - other.shard.index);
  if (first === undefined) throw mismatch('There is no report to merge.', TOGETHER);
  return [first, ...others];
}

/** The first name that stands in the list a second time. */
const repeated = (names: readonly string[]): string | undefined =>
  names.length === new Set(names).size ? undefined : names.find((name, index) => names.indexOf(name) < index);

/** What has to be the same in all parts, by what it is called. */
const COMMON: readonly (readonly [string, (part: Part) => unknown])[] = [
  ['commit', ({ report }) => report.head?.sha ?? null],
  ['base', ({ report }) => report.base?.sha ?? null],
  ['repository', ({ report }) => report.change.repository],
  ['pull request', ({ report }) => report.change.pullRequest],
  ['version of QuickServeML', ({ report }) => report.tool.version],
  ['division into shards', ({ shard }) => JSON.stringify([shard.assignment, shard.comparisons])],
];

function requireOneCheck(parts: readonly [Part, ...Part[]], headSha: string | null): void {
  const [first, ...others] = parts;
  const { sha = null } = first.report.head ?? {};
  if (headSha !== null && sha !== null && !headSha.startsWith(sha))
    throw mismatch(`${first.path} is of commit ${sha}, this run of ${headSha}.`, TOGETHER);
  for (const part of others) {
    for (const [what, read] of COMMON) {
      if (read(part) !== read(first))
        throw mismatch(`${first.path} and ${part.path} differ in their ${what}.`, TOGETHER);
    }
  }
  const shared = repeated(first.shard.assignment.flat());
  if (shared !== undefined)
    throw mismatch(`${first.path} gives the model "${printable(shared)}" to two shards.`, TOGETHER);
  const seen = new Map<number, string>();
  for (const { path, shard } of parts) {
    if (shard.index > shard.assignment.length)
      throw mismatch(`${path} says it is shard ${shard.index} of ${shard.assignment.length}.`, TOGETHER);
    const twin = seen.get(shard.index);
    if (twin !== undefined) throw mismatch(`${twin} and ${path} are both of shard ${shard.index}.`, TOGETHER);
    seen.set(shard.index, path);
  }
}

/** Every model of the shard is in its report, and no other: nothing is judged twice or by nobody. */
function requireAssigned({ path, report, shard }: Part): void {
  const assigned = new Set(shard.assignment[shard.index - 1]);
  const found = report.models.map(({ name }) => name);
  const twice = repeated(found);
  if (twice !== undefined) throw mismatch(`${path} has the model "${printable(twice)}" twice.`, TOGETHER);
  const foreign = found.find(name => !assigned.has(name));
  if (foreign !== undefined)
    throw mismatch(`${path} has the model "${printable(foreign)}", which is not of its shard.`, TOGETHER);
  const lost = [...assigned].find(name => !found.includes(name));
  if (lost !== undefined)
    throw mismatch(`${path} lacks the model "${printable(lost)}" of its shard.`, TOGETHER);
}

function missingFindings(parts: readonly [Part, ...Part[]]): readonly Finding[] {
  const present = new Set(parts.map(({ shard }) => shard.index));
  const { assignment } = parts[0].shard;
  return assignment.flatMap((names, position): Finding[] => {
    if (present.has(position + 1)) return [];
    const shown = names.slice(0, NAMES_SHOWN).map(printable).join(', ');
    const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
    const models = names.length === 0 ? 'it had no model' : `not judged: ${shown}${more}`;
    return [
      {
        code: 'SHARD_MISSING',
        severity: 'error',
        message: `Shard ${position + 1} of ${assignment.length} left no report; ${models}.`,
        hint: `See why its job ended (--shard ${position + 1}/${assignment.length}), and run it again before the merge.`,
      },
    ];
  });
}

/** What the parts found about the whole check, each finding once: every shard sees the same changed rules. */
function commonFindings(parts: readonly Part[]): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const { report } of parts) {
    for (const finding of report.findings)
      found.set(JSON.stringify([finding.code, finding.message]), finding);
  }
  return [...found.values()];
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

/**
 * One report of the reports of all shards, models by name. Its gate is the worst of what any part or any model says; a
 * missing shard is a finding that leaves no verdict, and names the models that nobody judged; so are parts that were let
 * through different findings. Nothing is tested again:
 * every shard planned its errors over the comparisons of the whole check, and here it is seen that they did so alike.
 * @param reports validated by parseReport; their claims are not believed beyond that
 * @throws QuickServeError SHARDS_MISMATCHED where they are not of one check: other commits, other plans, one twice.
 */
export function mergeReports(reports: readonly ShardReport[], options: MergeOptions): Report {
  const parts = requireParts(reports);
  requireOneCheck(parts, options.headSha);
  for (const part of parts) requireAssigned(part);
  const models: readonly ModelReport[] = parts
    .flatMap(({ report }) => report.models)
    .toSorted((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
  const missing = missingFindings(parts);
  const torn = tornAcceptances(parts.map(({ shard }) => shard));
  const [{ report: first }] = parts;
  const machines = parts.flatMap(({ report }) => report.environment ?? []);
  const [machine = null, ...others] = machines;
  const isOneKind = others.every(({ key }) => key === machine?.key);
  const planned = parts.find(({ report }) => report.registry.recording === 'planned');
  const { shard: _shard, ...whole } = first;
  return {
    ...whole,
    createdAt: parts.map(({ report }) => report.createdAt).toSorted()[0] ?? first.createdAt,
    gate: options.worstGate([
      ...parts.map(({ report }) => report.gate),
      ...models.map(({ gate }) => gate),
      ...(missing.length + torn.length > 0 ? (['no-verdict'] as const) : []),
    ]),
    models,
    findings: [
      ...missing,
      ...torn,
      ...lateAcceptances(
        parts.map(({ shard }) => shard),
        options.labels,
      ),
      ...commonFindings(parts),
      ...(isOneKind ? [] : [machinesFinding(machines)]),
    ],
    environment: isOneKind ? machine : null,
    // Of measuring, not of waiting: the parts ran beside each other.
    durationMs: sum(parts.map(({ report }) => report.durationMs)),
    registry: planned?.report.registry ?? first.registry,
  };
}

function machinesFinding(machines: readonly { readonly key: string; readonly cpuModel: string }[]): Finding {
  const kinds = [...new Map(machines.map(({ key, cpuModel }) => [key, printable(cpuModel)])).values()];
  return {
    code: 'SHARDS_ON_DIFFERENT_MACHINES',
    severity: 'info',
    message: `The shards ran on different kinds of machines: ${kinds.join(', ')}.`,
    hint: 'Nothing to do: each model was compared with its base on one and the same machine.',
  };
}
