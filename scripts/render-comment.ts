/**
 * Draws golden comments as GitHub would show them, light and dark, into docs/images/. Needs a Chromium. The renderer knows
 * CommonMark and GFM; the style sheet resembles GitHub's. What GitHub adds (its avatar, mermaid charts) is not drawn.
 * `--out FOLDER` writes elsewhere, names after it choose the comments.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { commentPage } from './docs/comment-page.ts';

const root = resolve(import.meta.dirname, '..');
const WIDTH = 940;
const HEIGHT_MAX = 1_400;
const DEFAULT_COMMENTS = ['regressed', 'contract-break', 'hostile'] as const;
const CHROMIUMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const { values, positionals } = parseArgs({
  options: { out: { type: 'string', default: join(root, 'docs/images') } },
  allowPositionals: true,
});
const browserPath = CHROMIUMS.find(path => existsSync(path));
if (browserPath === undefined) throw new Error(`no Chromium: ${CHROMIUMS.join(', ')} are not there`);
const names = positionals.length > 0 ? positionals : DEFAULT_COMMENTS;
mkdirSync(values.out, { recursive: true });
const require = createRequire(import.meta.url);
const browser = await chromium.launch({
  executablePath: browserPath,
  args: ['--no-sandbox', '--disable-gpu'],
});
for (const name of names) {
  const markdown = readFileSync(join(root, 'fixtures/golden', `${name}.md`), 'utf8');
  // The README has both of the first; more would only be bytes in the repository.
  const isDefault = positionals.length === 0 && name !== DEFAULT_COMMENTS[0];
  for (const scheme of isDefault ? (['light'] as const) : (['light', 'dark'] as const)) {
    const style = readFileSync(require.resolve(`github-markdown-css/github-markdown-${scheme}.css`), 'utf8');
    const page = await browser.newPage({ viewport: { width: WIDTH, height: 200 } });
    await page.setContent(commentPage(markdown, style, scheme));
    const height = Number(await page.evaluate('document.documentElement.scrollHeight'));
    const clip = { x: 0, y: 0, width: WIDTH, height: Math.min(height, HEIGHT_MAX) };
    const path = join(values.out, `comment-${name}-${scheme}.png`);
    writeFileSync(path, await page.screenshot({ clip, fullPage: true }));
    process.stdout.write(`${path}\n`);
    await page.close();
  }
}
await browser.close();
