import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { AxeResults } from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiDocument } from '../../src/contract/openapi.ts';
import { interfaceOf } from '../../src/model/model-interface.ts';
import { readModel } from '../../src/model/model-reader.ts';
import { accessPart } from '../../src/serving/access/access-part.ts';
import { hashOfKey } from '../../src/serving/access/api-keys.ts';
import { jsonReply, type Route } from '../../src/serving/call.ts';
import { pagesPart } from '../../src/serving/pages/page-routes.ts';
import type { ServerSnapshot } from '../../src/serving/watcher.ts';
import { instrumentsOf } from '../../src/serving/watching/instruments.ts';
import { type MountedParts, mountParts } from '../support/mounted-parts.ts';
import { browserPath, lacks, projectRoot } from '../support/requirements.ts';
import { servedOf, servingWorld, snapshotOf } from '../support/serving-doubles.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SECRET = 'a-key-of-forty-characters-for-these-tests';

describe.skipIf(lacks('browser'))('the pages of the server in Chromium', { timeout: 60_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      ...(browserPath === undefined ? {} : { executablePath: browserPath }),
      args: ['--no-sandbox', '--disable-gpu'],
    });
  }, 60_000);
  afterAll(() => browser.close());

  /** The parts over HTTP, with some requests already answered, and a state that tests may change. */
  async function serve(section: unknown = undefined) {
    const { world, clock } = servingWorld();
    const state: { now: ServerSnapshot } = { now: snapshotOf() };
    const view = { snapshot: () => state.now };
    const { live } = instrumentsOf(view, world);
    for (let ms = 0; ms < 10_000; ms += 20) live.add(servedOf({ totalMs: 12 }), true, ms);
    clock.ms = 10_000;
    const model = interfaceOf(readModel(join(projectRoot, 'fixtures/models/digits/model.onnx')));
    const openApi: Route = {
      kind: 'reply',
      method: 'GET',
      path: '/openapi.json',
      audience: 'reading',
      answer: () => jsonReply(openApiDocument(model, { modelName: 'digits', version: '1' })),
    };
    const predict: Route = {
      kind: 'reply',
      method: 'POST',
      path: '/predict',
      audience: 'inference',
      answer: () => jsonReply({ tried: true }),
    };
    const parts = [accessPart(section, world), pagesPart(undefined, world, view)];
    return { state, server: await mountParts(parts, [openApi, predict]) };
  }

  /** A page, what it asked of others, and what it complained about. */
  async function open(server: MountedParts, path: string, scheme: 'light' | 'dark' = 'light', width = 1280) {
    const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 } });
    const page = await context.newPage();
    const foreign: string[] = [];
    const complaints: string[] = [];
    page.on('request', request => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith('data:'))
        foreign.push(request.url());
    });
    page.on('console', message => {
      // A 401 is part of asking for the key.
      if (message.type() === 'error' && !message.text().includes('401')) complaints.push(message.text());
    });
    page.on('pageerror', error => void complaints.push(String(error)));
    await page.goto(`${server.url}${path}`);
    return { page, foreign, complaints, [Symbol.asyncDispose]: () => context.close() };
  }

  const violationsOf = async (page: Page): Promise<readonly string[]> => {
    // The page's own policy forbids foreign scripts; the examiner's comes in through the debugger.
    await page.evaluate(axeSource);
    const { violations } = (await page.evaluate(
      'axe.run(document, { resultTypes: ["violations"] })',
    )) as AxeResults;
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`);
  };

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 360],
  ] as const)(
    'the live page shows the figures, in %s at %i pixels, and axe finds nothing',
    async (scheme, width) => {
      const { server } = await serve();
      await using _ = server;
      await using opened = await open(server, '/dashboard', scheme, width);
      const { page } = opened;
      await page.locator('#status-text', { hasText: 'ready' }).waitFor();
      expect(await page.locator('#throughput').textContent()).toBe('50');
      expect(Number(await page.locator('#latency').textContent())).toBeCloseTo(12, -1);
      expect(await page.locator('#queue').textContent()).toBe('4');
      expect(await page.locator('#models tr').allInnerTexts()).toEqual([
        expect.stringMatching(/^digits\t1\t50\.0\t/),
      ]);
      expect(await page.locator('#workers tr').count()).toBe(2);
      expect(await violationsOf(page)).toEqual([]);
      const widths = (await page.evaluate(
        '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
      )) as [number, number];
      expect(widths[0]).toBeLessThanOrEqual(widths[1]);
      expect(opened.foreign).toEqual([]);
      expect(opened.complaints).toEqual([]);
      const shots = process.env['QUICKSERVEML_SHOTS'];
      if (shots !== undefined)
        await page.screenshot({ path: join(shots, `dashboard-${scheme}-${width}.png`), fullPage: true });
    },
  );

  it('the live page follows the server: reasons, another state, and the end of the connection', async () => {
    const { server, state } = await serve();
    await using opened = await open(server, '/dashboard');
    const { page } = opened;
    await page.locator('#status-text', { hasText: 'ready' }).waitFor();
    state.now = snapshotOf({ reasons: ['worker 1 <b>hangs</b>'] });
    await page.locator('#status-text', { hasText: 'degraded' }).waitFor();
    expect(await page.locator('#reasons li').allInnerTexts()).toEqual(['worker 1 <b>hangs</b>']);
    await server[Symbol.asyncDispose]();
    await page.locator('#status-text', { hasText: 'trying again' }).waitFor();
  });

  it('the live page asks for a key where the server wants one, and shows nothing before', async () => {
    const { server } = await serve({ keys: [{ name: 'me', sha256: hashOfKey(SECRET) }] });
    await using _ = server;
    await using opened = await open(server, '/dashboard');
    const { page } = opened;
    await page.locator('#key-form').waitFor();
    expect(await page.locator('#throughput').textContent()).toBe('-');
    await page.fill('#key', 'wrong');
    await page.click('#key-form button');
    await page.locator('#key-problem', { hasText: 'does not know' }).waitFor();
    await page.fill('#key', SECRET);
    await page.click('#key-form button');
    await page.locator('#status-text', { hasText: 'ready' }).waitFor();
    expect(await page.locator('#key-form').isVisible()).toBe(false);
    expect(page.url()).not.toContain(SECRET);
  });

  it('the stream of the live page ends when the server drains', async () => {
    const { world } = servingWorld();
    const part = pagesPart(undefined, world, { snapshot: () => snapshotOf() });
    await using server = await mountParts([part]);
    const response = await fetch(`${server.url}/dashboard/events`);
    const reading = response.text();
    part.watcher?.happened({ kind: 'draining', inFlight: 0 });
    expect(await reading).toMatch(/^data: \{.*"status":"ready".*\}\n\n/);
  });

  it('does not take more people than it can tell', async () => {
    const { server } = await serve();
    await using _ = server;
    const stop = new AbortController();
    const many = await Promise.all(
      Array.from({ length: 33 }, () => fetch(`${server.url}/dashboard/events`, { signal: stop.signal })),
    );
    expect(many.filter(({ status }) => status === 503)).toHaveLength(1);
    stop.abort();
  });

  it('Swagger UI shows the interface and tries it out with the key, without another server', async () => {
    const { server } = await serve({ keys: [{ name: 'me', sha256: hashOfKey(SECRET) }] });
    await using _ = server;
    await using opened = await open(server, '/docs');
    const { page } = opened;
    await page.fill('#key', SECRET);
    await page.click('#key-form button');
    const predict = page.locator('.opblock-post', { hasText: '/predict' }).first();
    await predict.waitFor();
    await predict.locator('.opblock-summary').click();
    await predict.locator('.try-out__btn').click();
    await predict.locator('.execute').click();
    await predict.locator('.live-responses-table', { hasText: '"tried": true' }).waitFor();
    // Its curl command is what people copy into chats.
    expect(await page.locator('.curl-command').textContent()).toContain('/predict');
    expect(await page.content()).not.toContain(SECRET);
    expect(opened.foreign).toEqual([]);
    expect(opened.complaints).toEqual([]);
    const shots = process.env['QUICKSERVEML_SHOTS'];
    if (shots !== undefined) await page.screenshot({ path: join(shots, 'docs.png') });
  });

  it('has a policy on every page that lets nothing in from elsewhere, and hands on the licence of Swagger UI', async () => {
    const { server } = await serve();
    await using _ = server;
    for (const path of ['/dashboard', '/docs']) {
      const policy = (await fetch(server.url + path)).headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self';");
    }
    const notice = await (await fetch(`${server.url}/docs/notice.txt`)).text();
    expect(notice).toContain('Apache License');
    expect(notice).toContain('SmartBear');
  });
});
