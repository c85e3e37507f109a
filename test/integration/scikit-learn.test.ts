import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type AccuracyMetric, type Average, evaluateMetric } from '../../src/cases/accuracy-metrics.ts';
import { createCollector } from '../../src/cases/accuracy-rows.ts';
import type { CasesReport } from '../../src/cases/cases-report.ts';
import type { CommandResult } from '../../src/commands/command-result.ts';
import { type TestOptions, testCommand } from '../../src/commands/test-cases.ts';
import { bytesOfElements } from '../../src/shared/tensor-bytes.ts';
import { installPython, type PythonEnvironment } from '../support/python.ts';
import { lacks } from '../support/requirements.ts';
import { testSurroundings } from '../support/surroundings.ts';

interface LabelledSet {
  readonly name: string;
  readonly kind: 'classified' | 'regressed';
  readonly columns: number;
  readonly labels: readonly number[];
  readonly output: readonly number[];
  readonly values: Readonly<Partial<Record<AccuracyMetric, number | null>>>;
  readonly averaged: Readonly<
    Partial<Record<Average, Readonly<Record<'precision' | 'recall' | 'f1', number>>>>
  >;
}

const environment: PythonEnvironment | null = lacks('python')
  ? null
  : installPython(['scikit-learn', 'skl2onnx']);
const folder = mkdtempSync(join(tmpdir(), 'quickserveml-sklearn-'));
afterAll(() => {
  environment?.[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(environment === null)('metrics', () => {
  const sets: readonly LabelledSet[] = environment === null ? [] : JSON.parse(environment.run('metrics.py'));

  it('are compared on 20 datasets', () => expect(sets).toHaveLength(20));

  it.each(sets)(
    "equal scikit-learn's to 1e-9: $name",
    ({ kind, columns, labels, output, values, averaged }) => {
      const collector = createCollector(kind, 'y', null, true);
      const rows = output.length / columns;
      // In two chunks, as a large dataset comes.
      const width = kind === 'regressed' ? columns : 1;
      const half = Math.floor(rows / 2);
      for (const [from, to] of [
        [0, half],
        [half, rows],
      ] as const) {
        const data = bytesOfElements('float64', output.slice(from * columns, to * columns));
        const chunk = Float64Array.from(labels.slice(from * width, to * width));
        collector.add(
          { dtype: 'float64', shape: [to - from, columns], data },
          { kind: 'numbers', values: chunk, width, whole: width === 1 },
          to - from,
        );
      }
      const found = collector.finish();
      const expectEqual = (metric: AccuracyMetric, average: Average, wanted: number | null): void => {
        const got = evaluateMetric(found, metric, average);
        if (wanted === null) expect(got, metric).toBeNull();
        else
          expect(
            Math.abs((got ?? Number.NaN) - wanted),
            `${metric} ${average}: ${got} and ${wanted}`,
          ).toBeLessThanOrEqual(1e-9);
      };
      for (const [metric, wanted] of Object.entries(values))
        expectEqual(metric as AccuracyMetric, 'macro', wanted ?? null);
      for (const [average, scores] of Object.entries(averaged)) {
        for (const [metric, wanted] of Object.entries(scores))
          expectEqual(metric as AccuracyMetric, average as Average, wanted);
      }
      expect(Object.keys(values).length).toBeGreaterThan(1);
    },
  );
});

describe.skipIf(environment === null || lacks('runtime'))('an export from scikit-learn', () => {
  if (environment === null) return;
  environment.run('export_iris.py', folder);
  const test = (options: Partial<TestOptions>): Promise<CommandResult> =>
    testCommand(
      {
        model: join(folder, 'iris.onnx'),
        metric: [],
        seed: 7,
        provider: 'cpu',
        threads: 1,
        cwd: folder,
        ...options,
      },
      testSurroundings(),
    );

  it("gives what the framework gave, to the framework's own outputs as cases", async () => {
    const { document, exitCode } = await test({ cases: 'cases' });
    expect(document).toMatchObject({ cases: [{ kind: 'passed', name: 'iris.npz' }] });
    expect(exitCode).toBe(0);
  });

  it('fails where the export is another model than the framework had', async () => {
    const bytes = readFileSync(join(folder, 'iris.onnx'));
    const damaged = Buffer.from(bytes);
    // One coefficient, little-endian float32: twice as large.
    const exponent = damaged.indexOf(Buffer.from([0x3f]), bytes.indexOf('coefficients'));
    damaged.writeUInt8(0x40, exponent);
    writeFileSync(join(folder, 'other.onnx'), damaged);
    const { document, exitCode } = await test({ model: join(folder, 'other.onnx'), cases: 'cases' });
    expect((document as CasesReport).cases[0]?.kind).toBe('failed');
    expect(exitCode).toBe(1);
  });

  it('has the accuracy that scikit-learn has', async () => {
    const { document } = await test({ dataset: 'iris.npz', metric: ['accuracy>=0.9', 'top-2', 'f1', 'auc'] });
    const { accuracy } = document as CasesReport;
    expect(accuracy).toMatchObject({ rows: 150, output: 'probabilities' });
    expect(accuracy?.metrics.map(({ metric }) => metric)).toEqual(['accuracy', 'top-2', 'f1', 'auc']);
    expect(accuracy?.metrics[0]?.candidate).toBeCloseTo(0.973333, 5);
  });
});
