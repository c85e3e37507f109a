import { shortenText } from './escape.ts';
import { formatCount, formatDuration, formatPercent } from './format-values.ts';
import type { CommitInfo, FeedOrigin, MeasurementSummary, ModelReport, Report } from './report.ts';

const SHA_CHARACTERS = 10;

/** The first characters of a commit id. */
export const shortSha = (sha: string): string => sha.slice(0, SHA_CHARACTERS);

/** `a1b2c3d4e5 (merge base of main)`; raw text. */
export const commitWords = (commit: CommitInfo): string =>
  commit.role === '' ? shortSha(commit.sha) : `${shortSha(commit.sha)} (${shortenText(commit.role, 120)})`;

const ORIGIN_WORDS: Readonly<Record<FeedOrigin, string>> = {
  case: 'inputs of a test case',
  dataset: 'rows of a dataset',
  synthetic: 'synthetic inputs',
};

type Taken = Exclude<MeasurementSummary, { kind: 'not-measured' }>;

function inputWords({ inputs, feedOrigin }: Extract<Taken, { kind: 'interleaved' }>): string {
  if (inputs === undefined) return ORIGIN_WORDS[feedOrigin];
  const origins = [...new Set(inputs.map(each => ORIGIN_WORDS[each.feedOrigin]))];
  return `${inputs.length} sets of inputs (${origins.join(', ')})`;
}

const trustWords = ({ noise }: Taken): string =>
  noise === undefined ? '' : ` ${shortenText(noise.trust, 400)}`;

/** How the times of a model came about, as one sentence of raw text. */
export function measurementWords(measurement: MeasurementSummary): string {
  switch (measurement.kind) {
    case 'interleaved': {
      const inputs = inputWords(measurement);
      const same =
        measurement.baseFeedDigest === undefined
          ? 'the same for both'
          : 'for each as its interface wants them';
      const waited =
        measurement.waitShare === null
          ? 'the wait for a CPU cannot be read here, so busy machines give wider intervals'
          : `${formatPercent(measurement.waitShare)} of the time waited for a CPU, subtracted`;
      const twice = measurement.confirmed ? ', measured a second time to confirm' : '';
      return `Base and candidate in turns in ${formatCount(measurement.launches, 'fresh process', 'fresh processes')} (${formatCount(measurement.runs, 'run')}, ${formatDuration(measurement.durationMs)})${twice}; ${inputs}, ${same}; ${waited}.${trustWords(measurement)}`;
    }
    case 'alone':
      return `Measured alone in ${formatCount(measurement.launches, 'fresh process', 'fresh processes')} (${formatDuration(measurement.durationMs)}): there was nothing to compare it with.${trustWords(measurement)}`;
    case 'not-measured':
      return `Not measured: ${shortenText(measurement.reason, 300)}.`.replace(/\.\.$/u, '.');
  }
}

/** What was let through on purpose and by what, as one sentence of raw text, or null. */
export function acceptanceWords(model: ModelReport): string | null {
  if (model.accepted.length === 0) return null;
  const entries = model.accepted
    .slice(0, 8)
    .map(({ finding, by }) => `${shortenText(finding, 80)} (by ${by})`);
  const more =
    model.accepted.length > entries.length ? ` and ${model.accepted.length - entries.length} more` : '';
  return `Accepted on purpose: ${entries.join(', ')}${more}.`;
}

/** The machine and the runtime in one line of raw text, or null where nothing was run. */
export function environmentWords(report: Report): string | null {
  const machine = report.environment;
  if (machine === null) return null;
  const quota = machine.cpuQuota === null ? '' : ` (limited to ${machine.cpuQuota})`;
  return [
    shortenText(machine.cpuModel, 100),
    `${formatCount(machine.cores, 'core')}${quota}`,
    `${machine.memoryGiB} GiB`,
    `${machine.os} ${machine.kernel} ${machine.arch}`,
    `onnxruntime ${machine.runtimeVersion}`,
    `${machine.provider} provider`,
    formatCount(machine.threads, 'thread'),
    `seed ${report.seed}`,
  ]
    .map(part => shortenText(part, 120))
    .join(', ');
}

/** What is or will be recorded, in one sentence of raw text, or null where there is nothing to say. */
export function recordingWords(report: Report): string | null {
  const { registry } = report;
  const fresh = registry.entries.filter(entry => entry.new);
  const versions = fresh
    .slice(0, 5)
    .map(entry => `${shortenText(entry.model, 60)} ${shortenText(entry.version, 30)}`)
    .join(', ');
  const more = fresh.length > 5 ? ` and ${fresh.length - 5} more` : '';
  switch (registry.recording) {
    case 'recorded':
      if (registry.entries.length === 0) return 'Nothing recorded: there was nothing to record.';
      return fresh.length === 0
        ? `Measurements recorded on branch ${registry.branch}.`
        : `Recorded on branch ${registry.branch}: ${versions}${more}.`;
    case 'planned':
      return fresh.length === 0 ? null : `To be recorded after the merge: ${versions}${more}.`;
    case 'skipped':
      return registry.reason === '' ? null : `Nothing recorded: ${shortenText(registry.reason, 300)}.`;
    case 'failed':
      return `Recording on branch ${registry.branch} failed: ${shortenText(registry.reason, 300)}.`;
  }
}

/** What a report of a part of the check is not, in one sentence; null for a whole one. */
export const shardWords = ({ shard }: Report): string | null =>
  shard === undefined
    ? null
    : `Shard ${shard.index} of ${shard.assignment.length}: the verdict is left to the merge.`;

/** `4 models, 3 measured, 58 s`. */
export function totalsWords(report: Report): string {
  const measured = report.models.filter(
    ({ measurement }: ModelReport) => measurement.kind !== 'not-measured',
  ).length;
  return `${formatCount(report.models.length, 'model')}, ${measured} measured, ${formatDuration(report.durationMs)}`;
}

/** The file that a model was compared with where it is another one, which no commit tells; else null. */
export const otherFileOf = ({ state, base, path }: ModelReport): string | null =>
  state.kind === 'changed' && base !== null && base.path !== path ? base.path : null;
