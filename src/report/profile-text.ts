import type { Advice } from '../model/advice/advice.ts';
import type { ModelProfile } from '../model/layers/model-profile.ts';
import { shortenText, visibleText } from './escape.ts';
import { formatCount, formatShape, formatValue } from './format-values.ts';
import { renderBar, renderColumns } from './text-columns.ts';

const LISTED_OPERATORS = 8;
const LISTED_LAYERS = 10;
const BAR_WIDTH = 16;

/** How the profile was made. */
export interface ProfileSetting {
  readonly runtimeVersion: string;
  readonly provider: string;
  readonly threads: number;
  readonly inputs: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
  }[];
  readonly feedOrigin: 'case' | 'dataset' | 'synthetic';
}

const name = (text: string): string => visibleText(text);
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const microseconds = (durationUs: number): string => formatValue(durationUs / 1000, 'ms');

/** `379.6 M`; a dash where operators are not counted. */
export function formatMacs(macs: number | null): string {
  if (macs === null) return '?';
  if (macs === 0) return '-';
  const units = ['', ' K', ' M', ' G', ' T'];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(macs) / 3));
  const value = macs / 1000 ** step;
  return `${step === 0 ? value : value.toPrecision(4)}${units[step]}`;
}

/** What `inspect --profile` prints below the inspection. Ends without a line break. */
export function renderProfile(profile: ModelProfile, setting: ProfileSetting): string {
  return [totalsOf(profile, setting), operatorsOf(profile), layersOf(profile), uncountedOf(profile)]
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n');
}

function totalsOf(profile: ModelProfile, setting: ProfileSetting): readonly string[] {
  const { totals } = profile;
  const shapes = setting.inputs
    .map(input => `${shortenText(name(input.name), 30)} ${formatShape(input.shape)}`)
    .join(', ');
  const perSecond = totals.durationUs === 0 ? 0 : (totals.macs / totals.durationUs) * 1e6;
  const rows = [
    [
      'Time',
      `${microseconds(totals.durationUs)} in ${formatCount(totals.layerCount, 'layer')}, made from ${formatCount(totals.nodeCount, 'node')} of the file`,
    ],
    [
      'MACs',
      totals.macs === 0
        ? 'none'
        : `${formatMacs(totals.macs)} multiply-accumulates, ${formatMacs(perSecond)} a second`,
    ],
    [
      'Activations',
      totals.peakActivationBytes === null
        ? 'not known'
        : `${formatValue(totals.peakActivationBytes, 'bytes')} alive at the same time, at most`,
    ],
    [
      'Moved',
      `${formatValue(totals.movedBytes, 'bytes')} of weights and activations${totals.arithmeticIntensity === null ? '' : `, ${totals.arithmeticIntensity.toPrecision(3)} MACs a byte`}`,
    ],
    ['Inputs', shortenText(`${shapes}${setting.feedOrigin === 'case' ? ' (test case)' : ' (made up)'}`, 84)],
  ];
  const threads = formatCount(setting.threads, 'thread');
  return [
    `Profile  onnxruntime ${setting.runtimeVersion}, ${setting.provider}, ${threads}, median of ${formatCount(profile.runs, 'run')}`,
    ...renderColumns([{ align: 'left' }, { align: 'left' }], rows),
  ];
}

function operatorsOf({ operators }: ModelProfile): readonly string[] {
  if (operators.length === 0) return [];
  const rows = operators
    .slice(0, LISTED_OPERATORS)
    .map(({ operator, timeShare, durationUs, count, macs }) => [
      name(operator.replace(/^com\.microsoft(?:\.\w+)*:/, '')),
      percent(timeShare),
      renderBar(timeShare, BAR_WIDTH),
      microseconds(durationUs),
      formatCount(count, 'layer'),
      macs === 0 ? '' : `${formatMacs(macs)} MACs`,
    ]);
  const rest = operators.slice(LISTED_OPERATORS);
  const share = rest.reduce((total, { timeShare }) => total + timeShare, 0);
  if (rest.length > 0)
    rows.push([
      formatCount(rest.length, 'other kind'),
      percent(share),
      renderBar(share, BAR_WIDTH),
      '',
      '',
      '',
    ]);
  return [
    'Time by operator',
    ...renderColumns(
      [
        { align: 'left', widest: 36 },
        { align: 'right' },
        { align: 'left' },
        { align: 'right' },
        { align: 'right' },
        { align: 'right' },
      ],
      rows,
    ),
  ];
}

function layersOf({ layers }: ModelProfile): readonly string[] {
  if (layers.length < 2) return [];
  const slowest = layers.toSorted((a, b) => b.durationUs - a.durationUs).slice(0, LISTED_LAYERS);
  const rows = slowest.map(layer => [
    name(layer.name),
    name(layer.operator.replace(/^.*:/, '')),
    formatShape(layer.outputShapes[0] ?? []),
    percent(layer.timeShare),
    microseconds(layer.durationUs),
    layer.macs === 0 ? '' : `${formatMacs(layer.macs)} MACs`,
    layer.parameterCount === 0 ? '' : formatCount(layer.parameterCount, 'parameter'),
  ]);
  return [
    'Slowest layers',
    ...renderColumns(
      [
        { align: 'left', widest: 42, keepEnd: true },
        { align: 'left', widest: 20 },
        { align: 'left', widest: 22 },
        { align: 'right' },
        { align: 'right' },
        { align: 'right' },
        { align: 'right' },
      ],
      rows,
    ),
  ];
}

function uncountedOf({ uncounted, totals }: ModelProfile): readonly string[] {
  if (uncounted.length === 0) return [];
  const kinds = uncounted.map(({ operator, count }) => `${count} ${name(operator)}`).join(', ');
  return [`Not counted  ${kinds}: ${percent(totals.uncountedTimeShare)} of the time`];
}

/** The advice as a list; says so where there is none. */
export function renderAdvice(advice: readonly Advice[]): string {
  if (advice.length === 0) return 'Advice: none';
  return [
    'Advice',
    ...advice.flatMap(({ title, evidence, gain }) => [
      `  ${visibleText(title)}`,
      `    Seen  ${visibleText(evidence)}`,
      `    Gain  ${visibleText(gain)}`,
    ]),
  ].join('\n');
}
