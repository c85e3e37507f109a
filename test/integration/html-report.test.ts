import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderHtml } from '../../src/report/html.ts';
import type { Report } from '../../src/report/report.ts';
import { browserPath, lacks } from '../support/requirements.ts';
import { SAMPLE_REPORTS, type SampleName, sampleReport } from '../support/sample-reports.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDTHS = [360, 768, 1440] as const;
const SCHEMES = ['light', 'dark'] as const;

describe.skipIf(lacks('browser'))('the HTML report in Chromium', () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'quickserveml-html-'));
    browser = await chromium.launch({
      ...(browserPath === undefined ? {} : { executablePath: browserPath }),
      args: ['--no-sandbox', '--disable-gpu'],
    });
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const write = (name: string, report: Report): string => {
    const path = join(folder, `${name}.html`);
    writeFileSync(path, renderHtml(report));
    return path;
  };

  /** Opens a file as somebody who got it by mail: what it asks for, prints or breaks is in the lists. */
  async function open(
    path: string,
    options: { readonly width: number; readonly scheme: 'light' | 'dark' },
  ): Promise<
    AsyncDisposable & { readonly page: Page; readonly asked: string[]; readonly complaints: string[] }
  > {
    // The page forbids scripts; only the examiner may run one.
    const context = await browser.newContext({
      viewport: { width: options.width, height: 900 },
      colorScheme: options.scheme,
      bypassCSP: true,
    });
    const page = await context.newPage();
    const asked: string[] = [];
    const complaints: string[] = [];
    page.on('request', request => void asked.push(request.url()));
    page.on('console', message => void complaints.push(message.text()));
    page.on('pageerror', error => void complaints.push(String(error)));
    await page.goto(pathToFileURL(path).href);
    return { page, asked, complaints, [Symbol.asyncDispose]: () => context.close() };
  }

  const names: readonly SampleName[] = ['regressed', 'contract-break', 'hostile', 'unreadable', 'no-models'];
  const views = names.flatMap(name =>
    WIDTHS.flatMap(width => SCHEMES.map(scheme => ({ name, width, scheme }) as const)),
  );

  it.each(views)(
    '$name at $width pixels, $scheme: no violation of axe, nothing wider than the page, no request',
    {
      timeout: 60_000,
    },
    async ({ name, width, scheme }) => {
      const path = write(name, SAMPLE_REPORTS[name]);
      await using opened = await open(path, { width, scheme });
      const { page } = opened;
      // Closed parts count too.
      await page.evaluate('for (const one of document.querySelectorAll("details")) one.open = true');
      // What is out of view is examined as well.
      await page.evaluate(
        'for (const one of document.querySelectorAll("article")) one.style.contentVisibility = "visible"',
      );
      await page.evaluate(axeSource);
      const { violations } = (await page.evaluate(
        'axe.run(document, { resultTypes: ["violations"] })',
      )) as AxeResults;
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`)).toEqual([]);
      const widths = (await page.evaluate(
        '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
      )) as [number, number];
      expect(widths[0]).toBeLessThanOrEqual(widths[1]);
      expect(opened.asked).toEqual([pathToFileURL(path).href]);
      expect(opened.complaints).toEqual([]);
    },
  );

  it('runs no script and asks for nothing, whatever a model is called, under its own policy', async () => {
    const path = write('policy', SAMPLE_REPORTS.hostile);
    const context = await browser.newContext();
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', request => void asked.push(request.url()));
    page.on('dialog', dialog => void asked.push(`dialog ${dialog.message()}`));
    await page.goto(pathToFileURL(path).href);
    expect(await page.locator('script, iframe, object, embed, img, form').count()).toBe(0);
    expect(asked).toEqual([pathToFileURL(path).href]);
    await context.close();
  });

  it('of 100 models is whole, in less than 3 MB', { timeout: 60_000 }, async () => {
    const [model] = SAMPLE_REPORTS.regressed.models;
    const models = Array.from({ length: 100 }, (_, index) => ({ ...model!, name: `model-${index}` }));
    const path = write('hundred', sampleReport(models));
    expect(statSync(path).size).toBeLessThan(3_000_000);
    await using opened = await open(path, { width: 1440, scheme: 'light' });
    expect(await opened.page.locator('article').count()).toBe(100);
    expect(await opened.page.locator('article figure').count()).toBeGreaterThan(100);
  });

  it('is used by keyboard: skip link first, tables scroll, details open', { timeout: 60_000 }, async () => {
    await using opened = await open(write('keys', SAMPLE_REPORTS.regressed), { width: 768, scheme: 'light' });
    const { page } = opened;
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.className')).toBe('skip');
    const summary = page.locator('summary').first();
    await summary.focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('details').first().getAttribute('open')).not.toBeNull();
    const scrollers = await page.locator('.scroll').count();
    expect(await page.locator('.scroll[tabindex="0"][aria-label]').count()).toBe(scrollers);
  });

  it('shows the measured launches, the history and the layers, each with words for who cannot see them', {
    timeout: 60_000,
  }, async () => {
    await using opened = await open(write('charts', SAMPLE_REPORTS.regressed), {
      width: 1440,
      scheme: 'light',
    });
    const labels = await opened.page
      .locator('#model-1 svg')
      .evaluateAll(all => all.map(svg => svg.getAttribute('aria-label') ?? ''));
    expect(labels.join('\n')).toMatch(/Dot plot of latency\. 10 launches/u);
    expect(labels.join('\n')).toMatch(/12 recorded measurements/u);
    expect(labels.join('\n')).toMatch(/slowest layers: conv2 1\.06\sms/u);
    expect(await opened.page.locator('#model-1 circle').count()).toBeGreaterThan(30);
  });

  it('can be printed', { timeout: 60_000 }, async () => {
    await using opened = await open(write('print', SAMPLE_REPORTS.regressed), {
      width: 1440,
      scheme: 'dark',
    });
    const pdf = await opened.page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    if (process.env['QUICKSERVEML_SCREENSHOTS'] !== undefined) {
      for (const width of WIDTHS) {
        await using view = await open(join(folder, 'print.html'), {
          width,
          scheme: width === 768 ? 'dark' : 'light',
        });
        await view.page.screenshot({
          path: join(process.env['QUICKSERVEML_SCREENSHOTS'], `report-${width}.png`),
          fullPage: true,
        });
      }
    }
  });
});
