import { alertPlacesAreWhole } from './alerts.ts';
import { METRIC_FIELDS } from './config.ts';
import { parseDuration } from './durations.ts';
import { defaultOf } from './json-schema.ts';
import { LONGEST_NAME, nameLength } from './model-name.ts';
import { type Problem, quote } from './problem.ts';
import { parsePercent, parseSize } from './quantities.ts';
import {
  overlay,
  type RawConfig,
  type RawDims,
  type RawMetric,
  type RawModel,
  type RawPolicy,
} from './raw.ts';
import { normalisePath, pathProblem } from './repository-path.ts';
import { CONFIG_SCHEMA } from './schema.ts';

type Rule = (config: RawConfig) => readonly Problem[];

const modelsOf = (config: RawConfig): readonly (readonly [string, RawModel])[] =>
  Object.entries(config.models ?? {});

/** Sets of inputs of one model: each is a comparison, and with their number each needs more evidence. */
const MOST_WORKLOADS = 24;
const DAY_MS = 86_400_000;
const SMALLEST_MEMORY_LIMIT_BYTES = 64_000_000;
const NAME_SEGMENT = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Names are folders of the registry branch and words in comments. */
const namesAreUsable: Rule = config =>
  modelsOf(config).flatMap(([name]) => {
    const path = ['models', name];
    if (!name.split('/').every(segment => NAME_SEGMENT.test(segment) && !segment.endsWith('.'))) {
      const message =
        'is not a model name: letters, digits, dots, dashes and underscores, parts separated by /';
      return [{ path, message }];
    }
    return nameLength(name) > LONGEST_NAME
      ? [{ path, message: `is too long for a name (${LONGEST_NAME}; capitals and / count three)` }]
      : [];
  });

const namesDifferByMoreThanCase: Rule = config =>
  repeated(
    modelsOf(config).map(([name]) => ({ key: name.toLowerCase(), path: ['models', name], label: name })),
    first => `differs from ${quote(first)} only by upper and lower case`,
  );

const pathsAreDifferent: Rule = config =>
  repeated(
    modelsOf(config).flatMap(([name, model]) =>
      model.path === undefined
        ? []
        : [{ key: normalisePath(model.path), path: ['models', name, 'path'], label: name }],
    ),
    first => `is the file that models.${first} already checks`,
  );

const pathsStayInside: Rule = config =>
  modelsOf(config).flatMap(([name, model]) =>
    [
      ...(['path', 'cases'] as const).map(key => ({ path: ['models', name, key], value: model[key] })),
      ...Object.entries(model.profiles ?? {}).flatMap(([profile, own]) =>
        (['cases', 'dataset'] as const).map(key => ({
          path: ['models', name, 'profiles', profile, key],
          value: own[key],
        })),
      ),
    ].flatMap(({ path, value }) => {
      const message = value === undefined ? null : pathProblem(value);
      return message === null ? [] : [{ path, message }];
    }),
  );

const inputsAreUsable: Rule = config =>
  modelsOf(config).flatMap(([name, { dims, ranges, profiles }]) => {
    const path = ['models', name];
    const workloads = Object.values(profiles ?? { '': {} }).reduce(
      (sum, profile) => sum + combinations({ ...dims, ...profile.dims }),
      0,
    );
    return [
      ...(workloads > MOST_WORKLOADS
        ? [
            {
              path: [...path, profiles === undefined ? 'dims' : 'profiles'],
              message: `adds up to ${workloads} sets of inputs to be measured; ${MOST_WORKLOADS} are the most`,
            },
          ]
        : []),
      ...Object.entries(ranges ?? {}).flatMap(([input, { min = 0, max }]) =>
        max < min ? [{ path: [...path, 'ranges', input], message: 'has a max below its min' }] : [],
      ),
      ...Object.entries(profiles ?? {}).flatMap(([profile, { cases, dataset }]) =>
        cases !== undefined && dataset !== undefined
          ? [{ path: [...path, 'profiles', profile], message: 'has both cases and a dataset; choose one' }]
          : [],
      ),
    ];
  });

const combinations = (dims: RawDims): number =>
  Object.values(dims).reduce<number>(
    (product, sizes) => product * (Array.isArray(sizes) ? sizes.length : 1),
    1,
  );

const testPathsStayInside: Rule = config =>
  modelsOf(config).flatMap(([name, { contract, dataset }]) =>
    [
      { path: ['models', name, 'contract'], value: contract },
      { path: ['models', name, 'dataset', 'path'], value: dataset?.path },
    ].flatMap(({ path, value }) => {
      const message = value === undefined ? null : pathProblem(value);
      return message === null ? [] : [{ path, message }];
    }),
  );

const CLASS_METRICS = ['accuracy', 'precision', 'recall', 'f1', 'auc'];
const NUMBER_METRICS = ['mae', 'rmse', 'r2'];

/** Labels are classes or numbers: metrics of both at once mean that one of them is wrong. */
const accuracyMetricsAreKnown: Rule = config =>
  modelsOf(config).flatMap(([name, { dataset }]) => {
    const names = Object.keys(dataset?.metrics ?? {});
    const path = ['models', name, 'dataset', 'metrics'];
    const isKnown = (metric: string): boolean =>
      CLASS_METRICS.includes(metric) || NUMBER_METRICS.includes(metric) || /^top-[1-9]\d{0,3}$/.test(metric);
    const unknown = names.filter(metric => !isKnown(metric));
    const ofNumbers = names.filter(metric => NUMBER_METRICS.includes(metric));
    const mixed = unknown.length === 0 && ofNumbers.length > 0 && ofNumbers.length < names.length;
    return [
      ...unknown.map(metric => ({
        path: [...path, metric],
        message: `is no metric; known are ${[...CLASS_METRICS, 'top-1', 'top-5', ...NUMBER_METRICS].join(', ')}`,
      })),
      ...(mixed ? [{ path, message: 'mixes metrics of classes with those of numbers (mae, rmse, r2)' }] : []),
    ];
  });

const timesAreUsable: Rule = config => {
  const budgets = benchmarksOf(config).map(({ path, budget }) => [[...path, 'budget'], budget] as const);
  const times = [
    ...budgets,
    [['budget'], config.budget] as const,
    [['runtime', 'load-timeout'], config.runtime?.['load-timeout']] as const,
  ];
  return times.flatMap(([path, text]) => {
    const durationMs = text === undefined ? null : parseDuration(text);
    if (durationMs === null) return [];
    if (durationMs <= 0) return [{ path, message: 'must be more than 0' }];
    return durationMs > DAY_MS ? [{ path, message: 'is more than a day' }] : [];
  });
};

const sizesAreUsable: Rule = config => {
  const sizes = [
    [['registry', 'blob-limit'], config.registry?.['blob-limit'], 0],
    [['runtime', 'memory-limit'], config.runtime?.['memory-limit'], SMALLEST_MEMORY_LIMIT_BYTES],
  ] as const;
  return sizes.flatMap(([path, text, least]) => {
    if (text === undefined) return [];
    const sizeBytes = parseSize(text);
    if (sizeBytes === null) return [{ path, message: `${quote(text)} is too large a size` }];
    return sizeBytes < least ? [{ path, message: 'is less than the runtime itself needs (64MB)' }] : [];
  });
};

/** A measured time or size never repeats exactly: without a margin every check would be undecided. */
const measuredMarginsAreAboveZero: Rule = config =>
  metricsOf(config).flatMap(({ path, own }) => {
    const text = own['max-regression'];
    return text !== undefined && parsePercent(text) === 0
      ? [
          {
            path: [...path, 'max-regression'],
            message: 'must be more than 0%: measurements never repeat exactly',
          },
        ]
      : [];
  });

const limitsHaveAGate: Rule = config =>
  metricsOf(config).flatMap(({ path, own, whole }) => {
    if (own.gate !== undefined || whole.gate !== 'off') return [];
    const limit = (['max', 'min', 'max-increase', 'max-regression'] as const).find(
      key => own[key] !== undefined,
    );
    return limit === undefined
      ? []
      : [
          {
            path: [...path, limit],
            message: 'has no effect while the gate is off; add "gate: hard" or "gate: warn"',
          },
        ];
  });

const gatesHaveALimit: Rule = config =>
  metricsOf(config).flatMap(({ path, own, whole }) => {
    const limited =
      whole.max !== undefined ||
      whole.min !== undefined ||
      whole['max-increase'] !== undefined ||
      whole['max-regression'] !== undefined;
    return own.gate === undefined || own.gate === 'off' || limited
      ? []
      : [{ path: [...path, 'gate'], message: 'has nothing to hold against; add "max-increase" or "max"' }];
  });

const acceptedOnce: Rule = config =>
  policiesOf(config).flatMap(({ path, own }) =>
    repeated(
      (own.contract?.accept ?? []).map((entry, index) => {
        const { finding, sha256 } = typeof entry === 'string' ? { finding: entry, sha256: undefined } : entry;
        const entryPath = [...path, 'contract', 'accept', index];
        return { key: `${finding}\n${sha256 ?? ''}`, path: entryPath, label: finding };
      }),
      first => `accepts ${quote(first)} a second time`,
    ),
  );

/** What `git check-ref-format --branch` refuses. */
const branchIsUsable: Rule = config => {
  const branch = config.registry?.branch;
  if (branch === undefined) return [];
  const refused =
    // biome-ignore lint/suspicious/noControlCharactersInRegex: git refuses them in names of refs
    /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|\/$|^\/|^-|\.$/.test(branch) ||
    branch === '@' ||
    branch === 'HEAD' ||
    branch.split('/').some(part => part.startsWith('.') || part.endsWith('.lock'));
  return refused
    ? [{ path: ['registry', 'branch'], message: `${quote(branch)} is not a name git allows` }]
    : [];
};

const remoteIsUsable: Rule = config => {
  const remote = config.registry?.remote;
  if (remote === undefined) return [];
  const path = ['registry', 'remote'];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an address on two lines is none
  if (remote.startsWith('-') || /[\u0000-\u0020\u007f]/.test(remote))
    return [{ path, message: 'is not an address' }];
  if (/^[A-Za-z0-9+.-]*::/.test(remote)) {
    return [{ path, message: 'names a remote helper (`name::address`), which could run any program' }];
  }
  if (/^https?:\/\/(?:[^/@]*:|gh[a-z]_|github_pat_|glpat-)[^/]*@/i.test(remote)) {
    return [
      {
        path,
        message: 'holds a password; take it out (and revoke it): credentials come from the environment',
      },
    ];
  }
  return [];
};

const RULES: readonly Rule[] = [
  namesAreUsable,
  namesDifferByMoreThanCase,
  pathsAreDifferent,
  pathsStayInside,
  testPathsStayInside,
  inputsAreUsable,
  accuracyMetricsAreKnown,
  timesAreUsable,
  sizesAreUsable,
  measuredMarginsAreAboveZero,
  limitsHaveAGate,
  gatesHaveALimit,
  acceptedOnce,
  branchIsUsable,
  remoteIsUsable,
  alertPlacesAreWhole,
];

/** What the schema cannot say: everything that compares two places of the file or needs a quantity's value. */
export function checkRules(config: RawConfig): readonly Problem[] {
  return RULES.flatMap(rule => rule(config));
}

interface Place {
  readonly path: readonly (string | number)[];
}

function policiesOf(
  config: RawConfig,
): readonly (Place & { readonly own: RawPolicy; readonly whole: RawPolicy })[] {
  const builtIn = (defaultOf(CONFIG_SCHEMA) as RawConfig).defaults?.policy;
  const defaults = overlay(builtIn, config.defaults?.policy) as RawPolicy;
  return [
    { path: ['defaults', 'policy'], own: config.defaults?.policy ?? {}, whole: defaults },
    ...modelsOf(config).map(([name, model]) => ({
      path: ['models', name, 'policy'],
      own: model.policy ?? {},
      whole: overlay(defaults, model.policy) as RawPolicy,
    })),
  ];
}

/** Each metric that a policy of the file mentions: its own keys, and what they add up to with the defaults. */
function metricsOf(
  config: RawConfig,
): readonly (Place & { readonly own: RawMetric; readonly whole: RawMetric })[] {
  const names = Object.keys(METRIC_FIELDS) as (keyof typeof METRIC_FIELDS)[];
  return policiesOf(config).flatMap(({ path, own, whole }) =>
    names.flatMap(name => {
      const metric = own[name];
      return metric === undefined ? [] : [{ path: [...path, name], own: metric, whole: whole[name] ?? {} }];
    }),
  );
}

function benchmarksOf(config: RawConfig): readonly (Place & { readonly budget: string | undefined })[] {
  return [
    { path: ['defaults', 'benchmark'], budget: config.defaults?.benchmark?.budget },
    ...modelsOf(config).map(([name, model]) => ({
      path: ['models', name, 'benchmark'],
      budget: model.benchmark?.budget,
    })),
  ];
}

/** A problem for every entry whose key an earlier one has. */
function repeated(
  entries: readonly (Place & { readonly key: string; readonly label: string })[],
  message: (firstLabel: string) => string,
): readonly Problem[] {
  const first = new Map<string, string>();
  return entries.flatMap(({ key, path, label }) => {
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, label);
    return earlier === undefined ? [] : [{ path, message: message(earlier) }];
  });
}
