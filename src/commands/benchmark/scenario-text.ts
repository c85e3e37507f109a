import type { OpenLoopResult } from '../../benchmark/scenarios/open-loop.ts';
import type { Percentile } from '../../benchmark/scenarios/percentiles.ts';
import type { Suggestion, SweepPoint } from '../../benchmark/scenarios/sweep.ts';
import { formatDifference, formatTransition, formatValue } from '../../report/format-values.ts';
import type { ComparedScenario } from './compared-scenarios.ts';
import type { ScenarioResult } from './scenarios.ts';

const ms = (value: number): string => formatValue(value, 'ms');
const perSecond = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)}/s`;
const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)} %`;

const percentile = ({ p, value, low, high }: Percentile): string =>
  `p${p * 100} ${ms(value)} (${ms(low)} … ${ms(high)})`;

function sweepLines(points: readonly SweepPoint[], knee: string | null): readonly string[] {
  return points.map(({ setting, latencyMs, throughput }) => {
    const mark = setting === knee ? '  knee' : '';
    return `  ${setting.padEnd(10)} ${ms(latencyMs).padStart(10)} ${perSecond(throughput).padStart(12)}${mark}`;
  });
}

function suggestionLine(suggestion: Suggestion | null): string {
  if (suggestion === null) return '  nothing here gains a tenth or more';
  const { what, from, to, gain } = suggestion;
  return `  suggested: ${what} ${to} instead of ${from}, ${percent(gain)} more throughput here`;
}

function openLoopLines(result: OpenLoopResult): readonly string[] {
  const { rate, achieved, requests, errors, response, service, drift, saturated } = result;
  const answered = `  ${perSecond(rate)} asked, ${perSecond(achieved)} answered, ${requests} requests, ${errors} failed`;
  const missing = response.some(({ p }) => p === 0.99) ? [] : ['  too few requests for a p99'];
  return [
    saturated ? `${answered}: the workers cannot keep up` : answered,
    `  response  ${response.map(percentile).join(', ')}`,
    `  service   ${service.map(percentile).join(', ')}`,
    ...missing,
    ...(drift === null ? [] : [`  drift of the response time over the whole: ${percent(drift)}`]),
  ];
}

/** A scenario's result for a terminal. */
export function scenarioText(result: ScenarioResult): string {
  const lines = (): readonly string[] => {
    if ('skipped' in result) return [`  not possible: ${result.skipped}`];
    switch (result.scenario) {
      case 'batch':
      case 'threads':
      case 'optimization':
        return [...sweepLines(result.points, result.knee), suggestionLine(result.suggestion)];
      case 'cold-start':
        return [
          `  process ${ms(result.processMs)}, load ${ms(result.loadMs)}, first run ${ms(result.firstRunMs)} (medians of ${result.launches})`,
        ];
      case 'memory':
        return [
          `  peak ${formatValue(result.peakRssBytes, 'bytes')}`,
          result.growth.kind === 'growing'
            ? `  grows by ${formatValue(result.growth.bytesPerCycle, 'bytes')} with every load and release: something is kept`
            : `  steady over ${result.cycles} loads and releases`,
        ];
      case 'throughput':
      case 'stress':
        return openLoopLines(result);
    }
  };
  return [`${result.scenario}`, ...lines()].join('\n');
}

/** `peak memory  84.1 → 84.2 MB  +0.1 % (…)  unchanged`, a line a statistic. */
export function comparedText(result: ComparedScenario): string {
  const lines =
    'skipped' in result
      ? [`  not possible: ${result.skipped}`]
      : result.comparisons.map(({ statistic, setting, base, candidate, unit, difference, decision }) => {
          const name = `${statistic}${setting === undefined ? '' : ` ${setting}`}`.padEnd(18);
          const ratio = difference === null ? '' : `  ${formatDifference(difference)}`;
          const why = decision.kind === 'inconclusive' ? `\n      ${decision.reason}` : '';
          return `  ${name} ${formatTransition(base, candidate, unit)}${ratio}  ${decision.kind}${why}`;
        });
  return [result.scenario, ...lines].join('\n');
}
