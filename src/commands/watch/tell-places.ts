import { createHash } from 'node:crypto';
import type { AlertPlace } from '../../config/alerts.ts';
import type { Remote } from '../../git/repository.ts';
import type { CiContext } from '../../platforms/context.ts';
import type { AlertItem, AlertNews } from '../../report/alerts/news.ts';
import type { Surroundings } from '../surroundings.ts';
import { type PlaceOutcome, tellPlace } from './alert-places.ts';
import { type HealthCase, itemFor, itemOf } from './health-cases.ts';

/** What one place is to be told in this run. */
export interface PlannedNews {
  readonly place: AlertPlace;
  readonly news: AlertNews;
  /** The cases that are news for it. */
  readonly cases: readonly HealthCase[];
}

/** A place, and whether the message arrived. */
export interface Told {
  readonly place: string;
  readonly kind: AlertPlace['kind'];
  readonly outcome: PlaceOutcome;
  readonly cases: readonly HealthCase[];
}

export interface NewsFacts {
  readonly at: string;
  readonly repository: string | null;
  readonly runUrl: string | null;
}

/** Messages to the places for which something is new. */
export function planNews(
  places: readonly AlertPlace[],
  cases: readonly HealthCase[],
  { at, repository, runUrl }: NewsFacts,
): readonly PlannedNews[] {
  const standing = cases
    .filter(({ health }) => health.state === 'degraded')
    .map(each => itemOf(each, 'standing'));
  return places.flatMap((place): PlannedNews[] => {
    const fresh = cases.flatMap((each): { each: HealthCase; item: AlertItem }[] => {
      const item = itemFor(each, place.name);
      return item === null ? [] : [{ each, item }];
    });
    if (fresh.length === 0) return [];
    const keys = fresh.map(({ each }) => each.key);
    const id = createHash('sha256')
      .update([place.name, ...keys].join('\n'))
      .digest('hex')
      .slice(0, 32);
    return [
      {
        place,
        cases: fresh.map(({ each }) => each),
        news: {
          id: `msg_${id}`,
          kind: 'change',
          createdAt: at,
          repository,
          runUrl,
          items: fresh.map(({ item }) => item),
          standing,
        },
      },
    ];
  });
}

/**
 * Tells each place for itself: what one does has no effect on the others.
 * @param all the places of the configuration
 */
export async function tellPlaces(
  planned: readonly PlannedNews[],
  all: readonly AlertPlace[],
  where: { readonly context: CiContext; readonly remote: Remote | null },
  world: Surroundings,
): Promise<readonly Told[]> {
  const told: Told[] = [];
  for (const { place, news, cases } of planned) {
    world.progress.step(`telling ${place.name} (${place.kind})`);
    const outcome = await tellPlace(place, news, all, where, world);
    told.push({ place: place.name, kind: place.kind, outcome, cases });
  }
  return told;
}

/** By place, the key of what it now knows of a case. */
export function toldOf(each: HealthCase, told: readonly Told[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    told
      .filter(({ outcome, cases }) => outcome.kind === 'arrived' && cases.includes(each))
      .map(({ place }) => [place, each.key]),
  );
}
