import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtCli, sampleNode } from '../../bench/process-sample.ts';
import { ACTIVE_CHARACTERS } from '../support/control-characters.ts';
import { HOSTILE_FILES, HOSTILE_NAMES } from '../support/hostile-set.ts';

/** A hang, or time that grows faster than the file: these are read in a fraction of a second. */
const HANG_MS = 20_000;
const MOST_BYTES = 250e6;
const cli = builtCli();

interface Answer {
  readonly findings?: readonly { readonly code: string; readonly message: string; readonly hint: string }[];
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

const workflowCommand = /^(?:::|##vso|##\[|\/(?:close|label))/m;

async function inside<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'hostile-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the hostile set', () => {
  it('has at least a hundred files', () => {
    expect(HOSTILE_FILES.length).toBeGreaterThanOrEqual(100);
    expect(new Set(HOSTILE_FILES.map(({ name }) => name)).size).toBe(HOSTILE_FILES.length);
  });

  it.each(HOSTILE_FILES)('$name ends in: $end', async ({ end, code, write }) => {
    await inside(async folder => {
      const path = write(folder);
      const sample = await sampleNode([cli, 'inspect', path, '--json'], {
        memory: true,
        exit: end === 'error' ? 2 : 0,
      });
      const answer = JSON.parse(sample.stdout) as Answer;
      if (end === 'error') {
        expect(answer.error?.code).toMatch(
          code === null ? /^(MODEL|FILE)_[A-Z_]+$/ : new RegExp(`^${code}$`),
        );
        expect(answer.error?.message).not.toBe('');
        expect(answer.error?.hint).not.toBe('');
      } else if (end === 'finding') {
        const codes = answer.findings?.map(finding => finding.code) ?? [];
        if (code === null) expect(codes).not.toEqual([]);
        else expect(codes).toContain(code);
        expect(answer.findings?.every(({ message, hint }) => message !== '' && hint !== '')).toBe(true);
      }
      expect(sample.wallMs).toBeLessThan(HANG_MS);
      expect(sample.peakRssBytes).toBeLessThan(MOST_BYTES);
      if (end !== 'harmless') return;
      const { stdout: text } = await sampleNode([
        cli,
        'inspect',
        path,
        '--no-color',
        '--advice',
        '--diff',
        path,
      ]);
      const plain = await sampleNode([cli, 'inspect', path, '--no-color', '--advice']);
      for (const shown of [text, plain.stdout]) {
        expect(shown).not.toMatch(ACTIVE_CHARACTERS);
        expect(shown).not.toMatch(workflowCommand);
      }
    });
  });

  it('names that mean harm are shown, not obeyed, and lose nothing in JSON', async () => {
    expect(HOSTILE_NAMES.length).toBeGreaterThan(20);
    const proto = HOSTILE_FILES.find(({ name }) => name.includes('"__proto__"'));
    await inside(async folder => {
      const path = proto?.write(folder) ?? '';
      const { stdout } = await sampleNode([cli, 'inspect', path, '--json']);
      expect(stdout).toContain('"__proto__in"');
    });
  });
});
