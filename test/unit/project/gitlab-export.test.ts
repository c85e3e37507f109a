import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { projectRoot } from '../../support/requirements.ts';

test('the exported folder is a component project: templates/, a README, a licence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'components-'));
  try {
    execFileSync(process.execPath, [join(projectRoot, 'scripts/export-gitlab.ts'), folder]);
    expect(readdirSync(folder).sort()).toEqual(['LICENSE', 'README.md', 'templates']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(readdirSync(join(projectRoot, 'gitlab/templates')))(
  'every input of %s is described, documented and used',
  name => {
    const text = readFileSync(join(projectRoot, 'gitlab/templates', name), 'utf8');
    const page = readFileSync(join(projectRoot, 'docs/gitlab.md'), 'utf8');
    const [header] = parseAllDocuments(text);
    const { spec } = header!.toJS() as { spec: { inputs: Record<string, { description?: string }> } };
    for (const [input, { description }] of Object.entries(spec.inputs)) {
      expect(description, input).toMatch(/\.$/);
      expect(text, input).toContain(`$[[ inputs.${input} ]]`);
      expect(page, input).toContain(`\`${input}\``);
    }
  },
);
