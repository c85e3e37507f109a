import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OLDEST_NODE, requireNode } from '../../../src/shared/node-version.ts';
import { projectRoot } from '../../support/requirements.ts';

test.each(['18.20.4', '20.20.2', '22.11.0'])('Node %s is refused with what to do', version => {
  expect(() => requireNode(version)).toThrow(
    expect.objectContaining({ code: 'NODE_TOO_OLD', message: expect.stringContaining(version) }),
  );
});

test.each(['22.12.0', '22.20.1', '24.0.0', '25.1.0-nightly'])('Node %s will do', version => {
  expect(() => requireNode(version)).not.toThrow();
});

test('package.json promises the same', () => {
  const { engines } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  expect(engines.node).toBe(`>=${OLDEST_NODE}`);
});
