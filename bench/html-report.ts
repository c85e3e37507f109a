import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { renderHtml } from '../src/report/html.ts';
import { browserPath, lacks } from '../test/support/requirements.ts';
import { SAMPLE_REPORTS, sampleReport } from '../test/support/sample-reports.ts';
import { against, median, megabytes, milliseconds, table } from './table.ts';

const MODELS = 100;
const TURNS = 7;
const GOAL_MS = 1000;

/** The HTML report of a hundred models: rendering it, and opening it in Chromium until its load event has ended. */
export async function htmlReport(): Promise<string> {
  if (lacks('browser')) return 'Not run: no Chromium was found.';
  const folder = mkdtempSync(join(tmpdir(), 'quickserveml-bench-'));
  const browser = await chromium.launch({
    ...(browserPath === undefined ? {} : { executablePath: browserPath }),
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    const [model] = SAMPLE_REPORTS.regressed.models;
    if (model === undefined) throw new TypeError('the sample report has no model');
    const models = Array.from({ length: MODELS }, (_, index) => ({ ...model, name: `model-${index}` }));
    const report = sampleReport(models);
    const path = join(folder, 'report.html');
    const rendered: number[] = [];
    const opened: number[] = [];
    for (let turn = 0; turn < TURNS; turn += 1) {
      const startMs = performance.now();
      writeFileSync(path, renderHtml(report));
      rendered.push(performance.now() - startMs);
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, bypassCSP: true });
      const page = await context.newPage();
      await page.goto(pathToFileURL(path).href);
      opened.push(Number(await page.evaluate('performance.getEntriesByType("navigation")[0].loadEventEnd')));
      await context.close();
    }
    return table(
      [`report of ${MODELS} models`, 'median', 'goal'],
      [
        ['size', megabytes(statSync(path).size), ''],
        ['rendered and written', milliseconds(median(rendered)), ''],
        ['opened in Chromium', milliseconds(median(opened)), against(median(opened), GOAL_MS, '1 s')],
      ],
    );
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) process.stdout.write(`${await htmlReport()}\n`);
