import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from './requirements.ts';

export interface ExampleStep {
  readonly uses?: string;
  readonly id?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

export const exampleText = (name: string): string =>
  readFileSync(join(projectRoot, 'docs/examples', name), 'utf8');

/** The steps of the only job of an example, as the runner would get them where nobody gave the workflow inputs. */
export function exampleSteps(name: string): readonly ExampleStep[] {
  const { jobs } = parse(exampleText(name)) as {
    readonly jobs: Readonly<Record<string, { readonly steps: readonly ExampleStep[] }>>;
  };
  const [job, ...others] = Object.values(jobs);
  if (job === undefined || others.length > 0) throw new Error(`${name} has not one job`);
  const filled = (text: unknown): string =>
    String(text).replace(/\$\{\{ inputs\.\w+(?: \|\| '([^']*)')? \}\}/g, (_, otherwise = '') => otherwise);
  return job.steps.map(step => ({
    ...step,
    with: Object.fromEntries(Object.entries(step.with ?? {}).map(([key, value]) => [key, filled(value)])),
  }));
}

/** What the one step with the Action is given. */
export function actionInputs(steps: readonly ExampleStep[]): Readonly<Record<string, string>> {
  const ours = steps.filter(({ uses }) => uses?.startsWith('quickserveml/quickserveml@'));
  const [only] = ours;
  if (only === undefined || ours.length > 1) throw new Error(`${ours.length} steps are ours`);
  return only.with as Readonly<Record<string, string>>;
}
