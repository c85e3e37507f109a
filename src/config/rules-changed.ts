import { CONFIG_NAME } from '../shared/config-name.ts';
import type { Finding } from '../shared/finding.ts';
import {
  type BenchmarkConfig,
  type Config,
  METRIC_FIELDS,
  type ModelConfig,
  type Policy,
  type TestConfig,
} from './config.ts';
import { formatDuration } from './durations.ts';
import { formatPercent, formatSize } from './quantities.ts';

/** Every setting by its key in the file, as the file would spell it; what is not set is missing. */
type Settings = ReadonlyMap<string, string>;

const MOST_KEYS_SHOWN = 12;

/**
 * What a change does to the rules it is held against: the policy (RULES_CHANGED; the base's still counts), the way of
 * measuring (MEASUREMENT_CHANGED; in effect at once) and models that are no longer checked (MODEL_UNCONFIGURED).
 *
 * @param base the base commit's configuration (`defaultConfig()` where it had no file), or null: there is no base
 */
export function rulesChanged(base: Config | null, head: Config): readonly Finding[] {
  if (base === null) return [];
  const file = head.source ?? base.source ?? CONFIG_NAME;
  const changedRules = differences(base, head, ruleSettings, withoutFirstTests);
  const changedMeasurement = [
    ...compare('runtime', runtimeSettings(base), runtimeSettings(head)),
    ...differences(base, head, measurementSettings),
  ];
  const gone = unconfigured(base, head);
  return [
    ...(changedRules.length === 0
      ? []
      : [
          finding(
            'RULES_CHANGED',
            `${file} changes the rules of the check in the same change: ${list(changedRules)}. The rules of the base commit count here.`,
            'Review it as a change of the rules; it takes effect when it is on the base branch.',
          ),
        ]),
    ...(changedMeasurement.length === 0
      ? []
      : [
          finding(
            'MEASUREMENT_CHANGED',
            `${file} changes how models are measured: ${list(changedMeasurement)}. It is in effect for this check.`,
            'Review it: a smaller budget means more inconclusive verdicts, other inputs mean other times.',
          ),
        ]),
    ...(gone.length === 0
      ? []
      : [
          finding(
            'MODEL_UNCONFIGURED',
            `${file} no longer lists what the base commit checks: ${list(gone)}.`,
            'If the model is still in use, put it back under `models:`; what is not listed is not checked.',
          ),
        ]),
  ];
}

function finding(code: string, message: string, hint: string): Finding {
  return { code, severity: 'warning', message, hint };
}

function list(entries: readonly string[]): string {
  const more = entries.length - MOST_KEYS_SHOWN;
  return entries.slice(0, MOST_KEYS_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

type Described = Pick<ModelConfig, 'policy' | 'benchmark'> & Partial<ModelConfig>;

/**
 * The changes under `defaults`, and those of single models that do not just follow from them.
 * @param counted what of a model's new settings is held against its old ones
 */
function differences(
  base: Config,
  head: Config,
  describe: (of: Described) => Settings,
  counted: (before: Settings, after: Settings) => Settings = (_, after) => after,
): readonly string[] {
  const inDefaults = compare('', describe(base.defaults), describe(head.defaults));
  const inModels = modelPairs(base, head).flatMap(({ name, before, after }) =>
    compare('', describe(before), counted(describe(before), describe(after)))
      .filter(change => !inDefaults.includes(change))
      .map(change => `models.${name}.${change}`),
  );
  return [...inDefaults.map(change => `defaults.${change}`), ...inModels];
}

interface ModelPair {
  readonly name: string;
  readonly before: Described;
  readonly after: Described;
}

/** Models of both sides, by path or else by name; a side that discovers its models has its defaults for each. */
function modelPairs(base: Config, head: Config): readonly ModelPair[] {
  if (base.models === null) {
    return (head.models ?? []).map(after => ({ name: after.name, before: base.defaults, after }));
  }
  return base.models.flatMap(before => {
    const after = head.models === null ? head.defaults : counterpart(before, head.models);
    return after === undefined ? [] : [{ name: before.name, before, after }];
  });
}

function counterpart(model: ModelConfig, others: readonly ModelConfig[]): ModelConfig | undefined {
  return others.find(({ path }) => path === model.path) ?? others.find(({ name }) => name === model.name);
}

function unconfigured(base: Config, head: Config): readonly string[] {
  const listed = head.models;
  if (listed === null) return [];
  if (base.models === null) return base.source === null ? [] : ['models (all that are found → those listed)'];
  return base.models
    .filter(model => counterpart(model, listed) === undefined)
    .map(({ name }) => `models.${name}`);
}

function compare(prefix: string, before: Settings, after: Settings): readonly string[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  return keys.flatMap(key => {
    const [from, to] = [before.get(key) ?? 'none', after.get(key) ?? 'none'];
    return from === to ? [] : [`${prefix === '' ? '' : `${prefix}.`}${key} ${from} → ${to}`];
  });
}

/** The first contract and the first dataset of a model hold at once: the base has none that could count instead. */
const withoutFirstTests = (before: Settings, after: Settings): Settings =>
  new Map(
    [...after].filter(
      ([key]) =>
        (key !== 'contract' || before.has('contract')) &&
        (!key.startsWith('dataset.') || before.has('dataset.path')),
    ),
  );

function ruleSettings({ policy, tests }: Described): Settings {
  const settings = new Map<string, string>(testSettings(tests));
  for (const [name, field] of Object.entries(METRIC_FIELDS)) {
    const { gate, maxRegression, max, min } = policy[field];
    const counted = field === 'fileSize' || field === 'parameters' || field === 'nodes';
    settings.set(`policy.${name}.gate`, gate);
    if (maxRegression !== null) {
      settings.set(
        `policy.${name}.${counted ? 'max-increase' : 'max-regression'}`,
        formatPercent(maxRegression),
      );
    }
    if (max !== null) settings.set(`policy.${name}.max`, formatMax(field, max));
    if (min !== undefined) settings.set(`policy.${name}.min`, formatMax(field, min));
  }
  settings.set('policy.contract.gate', policy.contract.gate);
  const accepted = policy.contract.accept.map(({ finding: name, sha256 }) =>
    sha256 ? `${name}@${sha256}` : name,
  );
  settings.set('policy.contract.accept', `[${accepted.sort().join(', ')}]`);
  settings.set('policy.inconclusive', policy.inconclusive);
  settings.set('policy.no-baseline', policy.noBaseline);
  settings.set('policy.history', policy.history);
  settings.set('policy.runtime', policy.runtime);
  return settings;
}

/** What a model must still give: limits, tolerances, and where labels and contract lie. */
function testSettings(tests: TestConfig | undefined): readonly (readonly [string, string])[] {
  if (tests === undefined) return [];
  const { tolerances, contractPath, dataset, prepare } = tests;
  const metrics = (dataset?.metrics ?? []).flatMap(({ name, min, maxDrop }) => [
    ...(min === null ? [] : [[`dataset.metrics.${name}.min`, String(min)] as const]),
    ...(maxDrop === null ? [] : [[`dataset.metrics.${name}.max-drop`, String(maxDrop)] as const]),
  ]);
  return [
    ...Object.entries(tolerances).flatMap(([output, given]) =>
      Object.entries(given).map(([kind, value]) => [`tolerance.${output}.${kind}`, String(value)] as const),
    ),
    ...(contractPath === null ? [] : [['contract', contractPath] as const]),
    ...(dataset === null ? [] : [['dataset.path', dataset.path] as const]),
    ...metrics,
    ...(prepare === null ? [] : [['prepare', prepare] as const]),
  ];
}

function formatMax(field: keyof Policy, max: number): string {
  if (field === 'latency' || field === 'loadTime') return formatDuration(max);
  return field === 'memory' || field === 'fileSize' ? formatSize(max) : String(max);
}

function measurementSettings({ benchmark, dims, casesPath, ranges, profiles }: Described): Settings {
  const settings = new Map(Object.entries(benchmarkSettings(benchmark)));
  setDims(settings, 'dims', dims ?? {});
  if (casesPath !== null && casesPath !== undefined) settings.set('cases', casesPath);
  for (const [input, { min, max }] of Object.entries(ranges ?? {})) {
    settings.set(`ranges.${input}`, `${min} to ${max}`);
  }
  for (const { name, ...profile } of profiles ?? []) {
    const key = `profiles.${name}`;
    settings.set(key, 'measured');
    setDims(settings, `${key}.dims`, profile.dims);
    if (profile.casesPath !== null) settings.set(`${key}.cases`, profile.casesPath);
    if (profile.datasetPath !== null) settings.set(`${key}.dataset`, profile.datasetPath);
  }
  return settings;
}

function setDims(settings: Map<string, string>, key: string, dims: ModelConfig['dims']): void {
  const sizes = Object.entries(dims).map(([symbol, values]) => `${symbol}: [${values.join(', ')}]`);
  if (sizes.length > 0) settings.set(key, `{${sizes.sort().join(', ')}}`);
}

function benchmarkSettings({ budgetMs, threads, seed }: BenchmarkConfig): Readonly<Record<string, string>> {
  return {
    'benchmark.budget': formatDuration(budgetMs),
    'benchmark.threads': String(threads),
    'benchmark.seed': String(seed),
  };
}

function runtimeSettings({ runtime }: Config): Settings {
  return new Map([
    ['version', runtime.version],
    ['provider', runtime.provider],
    ['load-timeout', formatDuration(runtime.loadTimeoutMs)],
    ['memory-limit', formatSize(runtime.memoryLimitBytes)],
  ]);
}
