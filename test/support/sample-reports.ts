import type { Fingerprint } from '../../src/benchmark/measurement.ts';
import type { ContractComparison } from '../../src/contract/comparison.ts';
import type { Outline } from '../../src/model/drawing/outline.ts';
import type { Inspection, ValueInfo } from '../../src/model/inspection.ts';
import type {
  MetricComparison,
  MetricName,
  MetricOutcome,
  MetricUnit,
} from '../../src/regression/verdict.ts';
import type { LayerRow, ModelHistory, ModelReport, Report } from '../../src/report/report.ts';

/** The drawing of a chain of operators. */
function sampleOutline(operators: readonly string[]): Outline {
  const box = (operator: string, index: number): Outline['boxes'][number] => ({
    id: `box-${index}`,
    kind: index === 0 ? 'input' : 'product',
    lines: [{ operator, detail: '32×16×3×3' }],
    name: `${operator}_${index}`,
    nodeCount: 1,
    parameterCount: 4_608,
    frame: null,
  });
  const boxes = operators.map(box);
  const arrows = boxes.slice(1).map(({ id }, index) => ({ from: `box-${index}`, to: id }));
  return { name: 'graph', nodeCount: boxes.length, boxes, frames: [], arrows };
}

/** Reports for tests and golden files: plain data, the same on every run. */

const ENVIRONMENT: Fingerprint = {
  key: '3f9c2ab81d04',
  cpuModel: 'AMD EPYC 7763 64-Core Processor',
  isa: 'avx2 fma f16c',
  cores: 4,
  cpuQuota: null,
  memoryGiB: 16,
  os: 'linux',
  kernel: '6.8.0-1021-azure',
  arch: 'x64',
  nodeVersion: '24.21.0',
  runtimeVersion: '1.30.0',
  provider: 'cpu',
  threads: 1,
};

export const tensor = (name: string, dtype: ValueInfo['dtype'], shape: ValueInfo['shape']): ValueInfo => ({
  name,
  kind: 'tensor',
  dtype,
  shape,
});

export function sampleInspection(path: string, overrides: Partial<Inspection> = {}): Inspection {
  return {
    path,
    sizeBytes: 412_344,
    sha256: null,
    format: 'onnx',
    irVersion: 8,
    opsets: { 'ai.onnx': 17 },
    producer: { name: 'pytorch', version: '2.4.0' },
    metadata: {},
    inputs: [tensor('image', 'float32', ['batch', 1, 28, 28])],
    outputs: [tensor('scores', 'float32', ['batch', 10])],
    nodeCount: 12,
    subgraphNodeCount: 0,
    functionCount: 0,
    operators: { Conv: 3, Relu: 3, MaxPool: 2, Flatten: 1, Gemm: 2, Softmax: 1 },
    initializerCount: 10,
    parameterCount: 101_770,
    initializerBytes: { float32: 407_080 },
    externalData: [],
    findings: [],
    ...overrides,
  };
}

/** A deterministic spread of launch statistics around `center`. */
function launches(center: number, spread: number, count: number, phase: number): readonly number[] {
  return Array.from({ length: count }, (_, index) =>
    Number((center * (1 + spread * Math.sin(index * 2.399 + phase) * (1 + (index % 3) / 3))).toPrecision(5)),
  );
}

const UNITS: Readonly<Record<MetricName, MetricUnit>> = {
  latency: 'ms',
  'load-time': 'ms',
  memory: 'bytes',
  throughput: 'per-second',
  'file-size': 'bytes',
  parameters: 'count',
  nodes: 'count',
};
const TOLERANCES: Readonly<Record<MetricName, number | null>> = {
  latency: 0.05,
  'load-time': 0.25,
  memory: 0.1,
  throughput: null,
  'file-size': 0.2,
  parameters: null,
  nodes: null,
};
const GATES: Readonly<Record<MetricName, 'hard' | 'warn' | 'off'>> = {
  latency: 'hard',
  'load-time': 'warn',
  memory: 'hard',
  throughput: 'hard',
  'file-size': 'warn',
  parameters: 'off',
  nodes: 'off',
};

export function sampleMetric(
  metric: MetricName,
  base: number | null,
  candidate: number | null,
  outcome: MetricOutcome = { kind: 'unchanged' },
  margin = 0,
): MetricComparison {
  const estimate = base === null || candidate === null ? null : candidate / base - 1;
  const shared = {
    metric,
    unit: UNITS[metric],
    base,
    candidate,
    difference:
      estimate === null
        ? null
        : { estimate, low: estimate - margin, high: estimate + margin, confidence: 0.98 },
    policy: { gate: GATES[metric], maxRegression: TOLERANCES[metric], max: null },
    outcome,
  };
  if (metric !== 'latency' || base === null || candidate === null) return shared;
  const count = outcome.kind === 'inconclusive' ? 20 : 10;
  const spread = outcome.kind === 'inconclusive' ? 0.03 : 0.008;
  return {
    ...shared,
    samples: { base: launches(base, spread, count, 0.3), candidate: launches(candidate, spread, count, 1.7) },
  };
}

export function sampleModel(name: string, overrides: Partial<ModelReport> = {}): ModelReport {
  const path = `models/${name}.onnx`;
  return {
    name,
    path,
    state: { kind: 'changed' },
    gate: 'passed',
    base: sampleInspection(path),
    candidate: sampleInspection(path),
    contract: { kind: 'unchanged', bump: 'patch', changes: [] },
    metrics: [
      sampleMetric('latency', 1.84, 1.85, { kind: 'unchanged' }, 0.008),
      sampleMetric('load-time', 12.1, 12.4, { kind: 'unchanged' }, 0.06),
      sampleMetric('memory', 61_300_000, 61_500_000, { kind: 'unchanged' }, 0.01),
      sampleMetric('file-size', 412_344, 412_344),
      sampleMetric('parameters', 101_770, 101_770),
      sampleMetric('nodes', 12, 12),
    ],
    measurement: {
      kind: 'interleaved',
      launches: 10,
      runs: 5_412,
      durationMs: 12_400,
      confirmed: false,
      feedDigest: '5d41402abc4b2a76b9719d911017c592',
      feedOrigin: 'synthetic',
      waitShare: 0.031,
    },
    version: { previous: '1.4.2', next: '1.4.3' },
    findings: [],
    accepted: [],
    ...overrides,
  };
}

export function sampleReport(models: readonly ModelReport[], overrides: Partial<Report> = {}): Report {
  const gates = models.map(({ gate }) => gate);
  const gate = gates.includes('failed')
    ? 'failed'
    : gates.includes('no-verdict')
      ? 'no-verdict'
      : gates.includes('warned')
        ? 'warned'
        : 'passed';
  return {
    schemaVersion: 1,
    tool: { name: 'quickserveml', version: '0.2.0' },
    createdAt: '2026-11-23T14:52:07.120Z',
    gate,
    base: { sha: 'a1b2c3d4e5f60718293a4b5c6d7e8f9012345678', role: 'first parent of the merge commit' },
    head: { sha: '9f8e7d6c5b4a39281706f5e4d3c2b1a098765432', role: 'head of the pull request' },
    change: {
      platform: 'github',
      repository: 'acme/models',
      pullRequest: 12,
      runUrl: 'https://github.example/acme/models/actions/runs/4711',
      filesUrl: 'https://github.example/acme/models/blob/9f8e7d6c5b4a39281706f5e4d3c2b1a098765432',
    },
    models,
    findings: [],
    environment: ENVIRONMENT,
    seed: 7,
    durationMs: 58_200,
    registry: { branch: 'quickserveml', recording: 'planned', reason: '', entries: [] },
    ...overrides,
  };
}

/** What the registry has of a model: one point a commit, oldest first. */
function sampleHistory(latencyMs: readonly number[]): ModelHistory {
  return {
    fingerprint: ENVIRONMENT.key,
    points: latencyMs.map((latency, index) => ({
      createdAt: `2026-10-${String(index + 1).padStart(2, '0')}T08:00:00.000Z`,
      commit: String(index + 1).padStart(40, 'c'),
      version: `1.${Math.floor(index / 3)}.${index % 3}`,
      metrics: { latency, 'load-time': 12 + latency / 10, memory: 61_000_000 + index * 20_000 },
    })),
  };
}

const layer = (
  name: string,
  operator: string,
  ms: readonly [number, number],
  macs: readonly [number, number],
): LayerRow => ({
  name,
  operator,
  baseMs: ms[0],
  candidateMs: ms[1],
  baseMacs: macs[0],
  candidateMacs: macs[1],
});

const faster = sampleModel('fraud', {
  history: sampleHistory([0.44, 0.41, 0.43, 0.33, 0.32, 0.31, 0.312]),
  metrics: [
    sampleMetric('latency', 0.3121, 0.2204, { kind: 'improved' }, 0.011),
    sampleMetric('load-time', 4.2, 3.1, { kind: 'improved' }, 0.05),
    sampleMetric('memory', 48_200_000, 47_100_000, { kind: 'unchanged' }, 0.01),
    sampleMetric('file-size', 2_104_511, 1_402_233, { kind: 'improved' }),
  ],
});

const undecided = sampleModel('encoder', {
  metrics: [
    sampleMetric(
      'latency',
      8.91,
      9.18,
      { kind: 'inconclusive', reason: '20 launches in 30 s could not tell +3.0 % from the tolerance of 5 %' },
      0.021,
    ),
    sampleMetric('memory', 143_000_000, 143_200_000, { kind: 'unchanged' }, 0.01),
    sampleMetric('file-size', 14_204_000, 14_204_000),
  ],
  contract: {
    kind: 'compatible',
    bump: 'minor',
    changes: [
      {
        rule: 'output-added',
        effect: 'compatible',
        side: 'output',
        name: 'pooled',
        base: null,
        candidate: tensor('pooled', 'float32', ['batch', 384]),
        message: 'Output "pooled" was added: callers need no change.',
      },
    ],
  },
  version: { previous: '1.4.2', next: '1.5.0' },
});

const identical = sampleModel('embed', {
  state: { kind: 'identical' },
  metrics: [sampleMetric('file-size', 912_000, 912_000)],
  measurement: { kind: 'not-measured', reason: 'same bytes, same runtime' },
  version: null,
});

const slower = sampleModel('digits', {
  gate: 'failed',
  candidate: sampleInspection('models/digits.onnx', {
    sizeBytes: 530_112,
    parameterCount: 131_242,
    initializerBytes: { float32: 524_968 },
    operators: { Conv: 4, Relu: 4, MaxPool: 2, Flatten: 1, Gemm: 1, Softmax: 1 },
  }),
  history: sampleHistory([1.86, 1.85, 1.87, 1.79, 1.86, 1.84, 1.85, 1.83, 1.78, 1.84, 1.86, 1.84]),
  outline: sampleOutline(['Conv', 'Relu', 'Conv', 'Gemm']),
  layers: {
    rows: [
      layer('conv2', 'Conv', [0.71, 1.06], [9_400_000, 14_100_000]),
      layer('fc1', 'Gemm', [0.18, 0.2], [1_600_000, 2_400_000]),
      layer('conv1', 'Conv', [0.52, 0.52], [1_200_000, 1_200_000]),
      layer('pool1', 'MaxPool', [0.13, 0.13], [0, 0]),
    ],
    others: { count: 8, baseMs: 0.3, candidateMs: 0.3 },
  },
  metrics: [
    sampleMetric('latency', 1.84, 2.21, { kind: 'regressed', confirmed: true }, 0.0075),
    sampleMetric('load-time', 12.1, 13.4, { kind: 'unchanged' }, 0.06),
    sampleMetric('memory', 61_300_000, 62_200_000, { kind: 'unchanged' }, 0.01),
    sampleMetric('file-size', 412_344, 530_112, { kind: 'regressed', confirmed: true }),
    sampleMetric('parameters', 101_770, 131_242, { kind: 'regressed', confirmed: true }),
    sampleMetric('nodes', 12, 12),
  ],
  measurement: {
    kind: 'interleaved',
    launches: 10,
    runs: 8_204,
    durationMs: 21_900,
    confirmed: true,
    feedDigest: '5d41402abc4b2a76b9719d911017c592',
    feedOrigin: 'case',
    waitShare: 0.31,
  },
});

const accepted = sampleModel('digits', {
  ...slower,
  gate: 'warned',
  accepted: [{ finding: 'slower:digits', by: 'label' }],
});

const BREAK: ContractComparison = {
  kind: 'breaking',
  bump: 'major',
  changes: [
    {
      rule: 'input-renamed',
      effect: 'breaking',
      side: 'input',
      name: 'pixels',
      base: tensor('image', 'float32', ['batch', 1, 28, 28]),
      candidate: tensor('pixels', 'float32', ['batch', 1, 28, 28]),
      message: 'Input "image" is now called "pixels": callers that feed "image" fail.',
    },
    {
      rule: 'dtype-changed',
      effect: 'breaking',
      side: 'output',
      name: 'scores',
      base: tensor('scores', 'float32', ['batch', 10]),
      candidate: tensor('scores', 'float16', ['batch', 10]),
      message: 'Output "scores" is float16 instead of float32: callers that read float32 get other numbers.',
    },
    {
      rule: 'output-added',
      effect: 'compatible',
      side: 'output',
      name: 'embedding',
      base: null,
      candidate: tensor('embedding', 'float32', ['batch', 64]),
      message: 'Output "embedding" was added: callers need no change.',
    },
  ],
};

const broken = sampleModel('digits', {
  gate: 'failed',
  contract: BREAK,
  version: { previous: '1.4.2', next: '2.0.0' },
});

const unreadable = sampleModel('digits', {
  gate: 'failed',
  candidate: null,
  contract: null,
  metrics: [],
  measurement: { kind: 'not-measured', reason: 'the model cannot be read' },
  version: null,
  findings: [
    {
      code: 'MODEL_LFS_POINTER',
      severity: 'error',
      message: 'models/digits.onnx is a Git LFS pointer of 133 bytes; the model itself is not there.',
      hint: 'Check out with `lfs: true`, or run `git lfs pull` before the check.',
    },
  ],
});

const firstTime = sampleModel('digits', {
  state: { kind: 'added' },
  base: null,
  contract: null,
  metrics: [
    sampleMetric('latency', null, 1.84, { kind: 'no-baseline' }),
    sampleMetric('load-time', null, 12.1, { kind: 'no-baseline' }),
    sampleMetric('memory', null, 61_300_000, { kind: 'no-baseline' }),
    sampleMetric('file-size', null, 412_344, { kind: 'no-baseline' }),
    sampleMetric('parameters', null, 101_770, { kind: 'no-baseline' }),
  ],
  measurement: { kind: 'alone', launches: 5, durationMs: 4_100 },
  version: { previous: null, next: '1.0.0' },
});

/** A text that tries everything at once. */
export const HOSTILE =
  '</details></table><script>alert(1)</script>\n\n# big @everyone #1 acme/models#2 GH-3 ![x](https://evil.example/p.png) [y](javascript:alert) `a|b` | **b** www.evil.example https://evil.example \u001B[31mred\u0007 \u202Eesrever\u202C ]]> --> ::error::x ##[error]y %0A $x^2$ :tada: <!-- -->';

const hostileName = `=cmd|'/c calc'!A1 ${HOSTILE}`;

const hostile = sampleModel('plain', {
  name: hostileName,
  outline: sampleOutline([HOSTILE, hostileName]),
  path: `models/../${HOSTILE}.onnx`,
  gate: 'failed',
  state: { kind: 'moved', from: HOSTILE, identical: false },
  contract: {
    kind: 'breaking',
    bump: 'major',
    changes: [
      {
        rule: 'input-removed',
        effect: 'breaking',
        side: 'input',
        name: HOSTILE,
        base: tensor(HOSTILE, 'float32', [HOSTILE, null, 3]),
        candidate: null,
        message: `Input "${HOSTILE}" is gone.`,
      },
    ],
  },
  metrics: [sampleMetric('latency', 1.84, 1.9, { kind: 'inconclusive', reason: HOSTILE }, 0.03)],
  version: { previous: HOSTILE, next: HOSTILE },
  findings: [{ code: HOSTILE, severity: 'error', message: HOSTILE, hint: `/close\n/approve ${HOSTILE}` }],
});

function many(count: number): readonly ModelReport[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `model-${String(index + 1).padStart(2, '0')}`;
    const own = { name, path: `models/team-${index % 4}/${name}.onnx` };
    if (index % 13 === 5) return { ...slower, ...own };
    if (index % 11 === 3) return { ...undecided, ...own };
    if (index % 7 === 2) return { ...faster, ...own };
    if (index % 3 === 0) return { ...identical, ...own };
    return sampleModel(name, own);
  });
}

/** One report for each situation that a team meets. */
const withInputs = (workload: string, metric: MetricComparison): MetricComparison => ({
  ...metric,
  workload,
});

/** Several sets of inputs, one with a name that wants to do harm, and every outcome that only they can have. */
const manyInputs = sampleModel('encoder', {
  gate: 'failed',
  metrics: [
    withInputs('typical', sampleMetric('latency', 1.84, 1.85, { kind: 'unchanged' }, 0.008)),
    sampleMetric('load-time', 12.1, 12.4, { kind: 'unchanged' }, 0.06),
    withInputs('typical', sampleMetric('memory', 61_300_000, 61_500_000, { kind: 'unchanged' }, 0.01)),
    {
      ...withInputs('typical', sampleMetric('throughput', 543, 400, { kind: 'under-limit', limit: 500 })),
      policy: { gate: 'hard', maxRegression: null, max: null, min: 500 },
    },
    withInputs(
      'long, batch=8',
      sampleMetric('latency', 14.1, 17.9, { kind: 'regressed', confirmed: true }, 0.02),
    ),
    withInputs(
      HOSTILE,
      sampleMetric('latency', null, null, { kind: 'failed', reason: 'The runtime ran out of memory.' }),
    ),
    withInputs(
      'gone',
      sampleMetric('latency', null, null, { kind: 'disappeared', reason: 'it is not configured any more' }),
    ),
    sampleMetric('file-size', 412_344, 412_344),
  ],
  measurement: {
    kind: 'interleaved',
    launches: 10,
    runs: 5_412,
    durationMs: 12_400,
    confirmed: true,
    feedDigest: '5d41402abc4b2a76b9719d911017c592',
    feedOrigin: 'dataset',
    waitShare: 0.031,
    inputs: ['typical', 'long, batch=8', HOSTILE].map((name, index) => ({
      name,
      launches: 10,
      durationMs: 12_400,
      feedDigest: `5d41402abc4b2a76b9719d911017c59${index}`,
      feedOrigin: index === 0 ? 'dataset' : 'synthetic',
    })),
    noise: { stealShare: 0.02, loadPerCpu: 1.8, trust: 'The machine was busy.' },
  },
});

export const SAMPLE_REPORTS = {
  regressed: sampleReport([slower, undecided, faster, identical], {
    findings: [
      {
        code: 'RULES_CHANGED',
        severity: 'warning',
        message:
          'quickserveml.yml changes the rules of the check in the same change: models.digits.policy.latency.max-regression 5% → 10%. The rules of the base commit count here.',
        hint: 'Review it as a change of the rules; it takes effect when it is on the base branch.',
      },
    ],
  }),
  'contract-break': sampleReport([broken]),
  'many-inputs': sampleReport([manyInputs]),
  inconclusive: sampleReport([undecided]),
  'first-time': sampleReport([firstTime], {
    base: null,
    registry: {
      branch: 'quickserveml',
      recording: 'planned',
      reason: '',
      entries: [{ model: 'digits', version: '1.0.0', new: true }],
    },
  }),
  identical: sampleReport([identical], { durationMs: 640 }),
  improved: sampleReport([faster]),
  accepted: sampleReport([accepted, faster]),
  unreadable: sampleReport([unreadable, identical]),
  hostile: sampleReport([hostile], {
    base: { sha: 'a1b2c3d4e5f60718293a4b5c6d7e8f9012345678', role: `merge base of ${HOSTILE}` },
    findings: [{ code: 'X', severity: 'warning', message: HOSTILE, hint: HOSTILE }],
  }),
  'many-models': sampleReport(many(40)),
  'no-models': sampleReport([], { environment: null }),
} as const satisfies Record<string, Report>;

export type SampleName = keyof typeof SAMPLE_REPORTS;
