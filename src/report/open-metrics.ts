import type { Gate, MetricName } from '../regression/verdict.ts';
import { shortenText, visibleText } from './escape.ts';
import type { ModelReport, Report } from './report.ts';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

interface Family {
  /** Ends in its unit where it has one. */
  readonly name: string;
  readonly unit: 'seconds' | 'bytes' | 'ratio' | null;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const GATES: readonly Gate[] = ['passed', 'warned', 'failed', 'no-verdict'];
const LABEL_MAX_CHARACTERS = 200;

/** Base units, as Prometheus wants them. */
const METRIC_FAMILIES: Readonly<
  Record<MetricName, Pick<Family, 'name' | 'unit' | 'help'> & { readonly scale: number }>
> = {
  latency: {
    name: 'quickserveml_latency_seconds',
    unit: 'seconds',
    help: 'Median time of one inference.',
    scale: 0.001,
  },
  'load-time': {
    name: 'quickserveml_load_time_seconds',
    unit: 'seconds',
    help: 'Time to load the model.',
    scale: 0.001,
  },
  memory: {
    name: 'quickserveml_peak_memory_bytes',
    unit: 'bytes',
    help: 'Peak resident size of a process with the model.',
    scale: 1,
  },
  throughput: {
    name: 'quickserveml_throughput',
    unit: null,
    help: 'Rows a second of one stream.',
    scale: 1,
  },
  'file-size': {
    name: 'quickserveml_file_size_bytes',
    unit: 'bytes',
    help: 'Size of the model and its external data.',
    scale: 1,
  },
  parameters: { name: 'quickserveml_parameters', unit: null, help: 'Numbers in initializers.', scale: 1 },
  nodes: { name: 'quickserveml_nodes', unit: null, help: 'Nodes of the top graph.', scale: 1 },
};

const escapeLabel = (text: string): string =>
  visibleText(shortenText(text, LABEL_MAX_CHARACTERS)).replace(/[\\"]/g, '\\$&');

const gateSamples = (gate: Gate, labels: Labels): readonly Sample[] =>
  GATES.map(each => ({ labels: { ...labels, gate: each }, value: each === gate ? 1 : 0 }));

function metricFamily(metric: MetricName, models: readonly ModelReport[]): Family {
  const { scale, ...family } = METRIC_FAMILIES[metric];
  const samples = models.flatMap(model =>
    model.metrics.flatMap(({ metric: own, candidate, workload }) =>
      own !== metric || candidate === null
        ? []
        : [
            {
              labels: { model: model.name, ...(workload === undefined ? {} : { workload }) },
              // A product of decimals has digits that nobody measured: 1.85 * 0.001.
              value: Number((candidate * scale).toPrecision(15)),
            },
          ],
    ),
  );
  return { ...family, samples };
}

function differenceFamily(models: readonly ModelReport[]): Family {
  const samples = models.flatMap(model =>
    model.metrics.flatMap(({ metric, difference, workload }) =>
      difference === null
        ? []
        : [
            {
              labels: { model: model.name, metric, ...(workload === undefined ? {} : { workload }) },
              value: difference.estimate,
            },
          ],
    ),
  );
  return {
    name: 'quickserveml_difference_ratio',
    unit: 'ratio',
    help: 'Candidate by base minus one: 0.2 is 20 % more.',
    samples,
  };
}

function renderFamily({ name, unit, help, samples }: Family): readonly string[] {
  const lines = new Map<string, string>();
  for (const { labels, value } of samples) {
    if (!Number.isFinite(value)) continue;
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
    const series = pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
    // A series may be there once only; names that differ only in what was shortened are the same series.
    if (!lines.has(series)) lines.set(series, `${series} ${value}`);
  }
  if (lines.size === 0) return [];
  return [
    `# TYPE ${name} gauge`,
    ...(unit === null ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${help}`,
    ...lines.values(),
  ];
}

/**
 * OpenMetrics 1.0 text, which the text format of Prometheus reads as well: the candidate's values, their difference to the
 * base, and the gates. GitLab's metrics report takes it.
 */
export function renderOpenMetrics(report: Report): string {
  const { models } = report;
  const families: readonly Family[] = [
    {
      name: 'quickserveml_check_gate',
      unit: null,
      help: 'Outcome of the whole check: the one that holds is 1.',
      samples: gateSamples(report.gate, {}),
    },
    {
      name: 'quickserveml_check_duration_seconds',
      unit: 'seconds',
      help: 'Time that the check took.',
      samples: [{ labels: {}, value: report.durationMs / 1000 }],
    },
    {
      name: 'quickserveml_model_gate',
      unit: null,
      help: 'Outcome for a model: the one that holds is 1.',
      samples: models.flatMap(model => gateSamples(model.gate, { model: model.name })),
    },
    ...Object.keys(METRIC_FAMILIES).map(metric => metricFamily(metric as MetricName, models)),
    differenceFamily(models),
  ];
  return `${[...families.flatMap(renderFamily), '# EOF'].join('\n')}\n`;
}
