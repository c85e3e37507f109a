import { expect, it } from 'vitest';
import {
  type AcceptanceSources,
  acceptanceLookup,
  acceptedOf,
} from '../../../src/commands/check/acceptance.ts';
import type { Finding } from '../../../src/shared/finding.ts';

const finding = (code: string, severity: Finding['severity'] = 'error'): Finding => ({
  code,
  severity,
  message: code,
  hint: '',
});

const NOBODY: AcceptanceSources = { flags: [], labels: [], entries: [] };

function accepted(findings: readonly Finding[], sources: Partial<AcceptanceSources>) {
  const result = acceptedOf(
    [],
    [],
    findings,
    acceptanceLookup('digits', 'a'.repeat(64), { ...NOBODY, ...sources }),
  );
  return { codes: [...result.findings].map(({ code }) => code), list: result.list };
}

it.each([
  ['CASE_FAILED', 'failed-case'],
  ['ACCURACY_DROPPED', 'less-accurate'],
  ['ACCURACY_BELOW_MINIMUM', 'less-accurate'],
])('%s is accepted as %s, by flag, label or entry', (code, name) => {
  const entry = { finding: name, sha256: 'a'.repeat(64), reason: '' };
  const named = `${name}:digits`;
  expect(accepted([finding(code)], { flags: [named] })).toEqual({
    codes: [code],
    list: [{ finding: named, by: 'flag' }],
  });
  expect(accepted([finding(code)], { labels: [`accept-${named}`] }).list).toEqual([
    { finding: named, by: 'label' },
  ]);
  expect(accepted([finding(code)], { entries: [entry] }).list).toEqual([
    { finding: named, by: 'configuration' },
  ]);
  expect(accepted([finding(code)], { entries: [{ ...entry, sha256: 'b'.repeat(64) }] }).list).toEqual([]);
  expect(accepted([finding(code)], { flags: [`${name}:fraud`] }).list).toEqual([]);
});

it('accepts all failed cases of a model at once, and notes it once', () => {
  expect(
    accepted([finding('CASE_FAILED'), finding('CASE_FAILED')], { flags: ['failed-case:digits'] }),
  ).toEqual({
    codes: ['CASE_FAILED', 'CASE_FAILED'],
    list: [{ finding: 'failed-case:digits', by: 'flag' }],
  });
});

it.each(['WORKER_CRASHED', 'MODEL_TRUNCATED', 'CASE_INVALID', 'toString'])('%s cannot be accepted', code => {
  const everything = ['failed-case', 'less-accurate', 'break', code].map(name => `${name}:digits`);
  expect(accepted([finding(code)], { flags: everything }).codes).toEqual([]);
});

it('notes no acceptance of what does not fail', () => {
  expect(accepted([finding('CASE_FAILED', 'warning')], { flags: ['failed-case:digits'] }).list).toEqual([]);
});
