import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPORT_FORMATS } from '../../../src/report/formats.ts';
import { projectRoot } from '../../support/requirements.ts';
import { SAMPLE_REPORTS, type SampleName } from '../../support/sample-reports.ts';

/** `npx vitest run test/unit/report/golden.test.ts -u` writes them again; look at the difference before committing it. */
const golden = (name: string): string => join(projectRoot, 'fixtures/golden', name);
const options = { commentKey: 'default', color: false, reportUrl: null };
const names = Object.keys(SAMPLE_REPORTS) as SampleName[];

describe('golden comments', () => {
  it.each(names)('%s', async name => {
    await expect(REPORT_FORMATS.markdown.render(SAMPLE_REPORTS[name], options)).toMatchFileSnapshot(
      golden(`${name}.md`),
    );
  });
});

describe('golden reports in the other formats', () => {
  const few = ['regressed', 'contract-break', 'unreadable', 'hostile'] as const;
  it.each(few)('%s as JUnit', async name => {
    await expect(REPORT_FORMATS.junit.render(SAMPLE_REPORTS[name], options)).toMatchFileSnapshot(
      golden(`${name}.junit.xml`),
    );
  });
  it.each(few)('%s as text', async name => {
    await expect(REPORT_FORMATS.text.render(SAMPLE_REPORTS[name], options)).toMatchFileSnapshot(
      golden(`${name}.txt`),
    );
  });
  it.each(['regressed', 'hostile'] as const)('%s as HTML', async name => {
    await expect(REPORT_FORMATS.html.render(SAMPLE_REPORTS[name], options)).toMatchFileSnapshot(
      golden(`${name}.html.golden`),
    );
  });
});
