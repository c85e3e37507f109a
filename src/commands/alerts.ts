import { gitEnvironment } from '../git/git-environment.ts';
import { openRepository } from '../git/repository.ts';
import { readCiContext } from '../platforms/detect.ts';
import type { AlertNews } from '../report/alerts/news.ts';
import { QuickServeError } from '../shared/errors.ts';
import type { CommandResult } from './command-result.ts';
import { loadConfig } from './config-file.ts';
import type { Surroundings } from './surroundings.ts';
import { tellPlaces } from './watch/tell-places.ts';
import { toldLine } from './watch-command.ts';

export interface AlertsTestOptions {
  readonly cwd: string;
  readonly config?: string;
  /** Names of places; empty: all. */
  readonly place: readonly string[];
}

/**
 * `alerts test`: sends a sample to every configured place and says for each whether it arrived; exit code 3 where one did
 * not.
 * @throws QuickServeError USAGE where no place is configured, or none has the name.
 */
export async function testAlerts(options: AlertsTestOptions, world: Surroundings): Promise<CommandResult> {
  const repository = await openRepository(options.cwd, { environment: gitEnvironment(world.env) });
  const config = await loadConfig(repository.root, options.cwd, options.config ?? null);
  const { places } = config.alerts;
  const unknown = options.place.find(name => !places.some(place => place.name === name));
  if (places.length === 0 || unknown !== undefined) {
    throw new QuickServeError({
      code: 'USAGE',
      message:
        unknown === undefined
          ? 'The configuration names no place that is told.'
          : `The configuration has no place "${unknown}".`,
      hint:
        places.length === 0
          ? 'Add one under `alerts.places` of quickserveml.yml (docs/schedules-and-alerts.md).'
          : `It has ${places.map(({ name }) => name).join(', ')}.`,
    });
  }
  const context = readCiContext(world.env);
  const news = (name: string): AlertNews => ({
    id: `msg_test_${Math.floor(world.now())}_${name}`.replaceAll('.', '_'),
    kind: 'test',
    createdAt: new Date(world.now()).toISOString(),
    repository: context.repository,
    runUrl: context.runUrl,
    items: [],
    standing: [],
  });
  const planned = places
    .filter(({ name }) => options.place.length === 0 || options.place.includes(name))
    .map(place => ({ place, news: news(place.name), cases: [] }));
  const told = await tellPlaces(planned, places, { context, remote: repository.remote }, world);
  const document = told.map(({ place, kind, outcome }) => ({
    place,
    kind,
    arrived: outcome.kind === 'arrived',
    detail: outcome.kind === 'arrived' ? outcome.detail : outcome.reason,
  }));
  return {
    document: { places: document },
    text: told.map(toldLine).join('\n'),
    exitCode: document.every(({ arrived }) => arrived) ? 0 : 3,
  };
}
