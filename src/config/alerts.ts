import type { Problem } from './problem.ts';
import type { RawAlertPlace, RawConfig } from './raw.ts';

/** Who is told of what is in production. */
export interface AlertsConfig {
  /** Runs in a row in which a model has to be worse. */
  readonly after: number;
  readonly places: readonly AlertPlace[];
}

/** Secrets are named, never held: `...Env` is an environment variable. */
export type AlertPlace =
  | {
      readonly name: string;
      readonly kind: 'issue';
      /** null: the token of the job. */
      readonly tokenEnv: string | null;
      /** null: the repository that the run is in. */
      readonly repository: string | null;
      /** Beside the one by which the issue is found. */
      readonly labels: readonly string[];
    }
  | { readonly name: string; readonly kind: 'slack' | 'teams'; readonly urlEnv: string }
  | {
      readonly name: string;
      readonly kind: 'webhook';
      readonly urlEnv: string;
      readonly secretEnv: string;
    };

type PlaceKey = Exclude<keyof RawAlertPlace, 'kind'>;

const KEYS_OF_KIND: Readonly<
  Record<AlertPlace['kind'], { readonly needs: readonly PlaceKey[]; readonly may: readonly PlaceKey[] }>
> = {
  issue: { needs: [], may: ['token-env', 'repository', 'labels'] },
  slack: { needs: ['url-env'], may: [] },
  teams: { needs: ['url-env'], may: [] },
  webhook: { needs: ['url-env', 'secret-env'], may: [] },
};

/** Each kind of place has keys of its own. */
export function alertPlacesAreWhole(config: RawConfig): readonly Problem[] {
  const places = Object.entries(config.alerts?.places ?? {});
  const issues = places.filter(([, { kind }]) => kind === 'issue');
  return [
    ...places.flatMap(([name, place]) => {
      if (place.kind === undefined) return [];
      const { needs, may } = KEYS_OF_KIND[place.kind];
      const path = ['alerts', 'places', name];
      const given = Object.keys(place).filter((key): key is PlaceKey => key !== 'kind');
      return [
        ...needs
          .filter(key => place[key] === undefined)
          .map(key => ({ path, message: `is of the kind ${place.kind} and needs the key "${key}"` })),
        ...given
          .filter(key => !needs.includes(key) && !may.includes(key))
          .map(key => ({ path: [...path, key], message: `is not a key of the kind ${place.kind}` })),
      ];
    }),
    ...issues.slice(1).flatMap(([name, { repository }]) =>
      issues.find(([, other]) => other.repository === repository)?.[0] === name
        ? []
        : [
            {
              path: ['alerts', 'places', name],
              message: 'is a second issue in the same repository; one is kept up to date',
            },
          ],
    ),
  ];
}

/** @param raw passed the schema and the rule above. */
export function normaliseAlerts(raw: RawConfig['alerts']): AlertsConfig {
  return {
    after: raw?.after ?? 1,
    places: Object.entries(raw?.places ?? {}).map(([name, place]): AlertPlace => {
      const urlEnv = place['url-env'] ?? '';
      switch (place.kind) {
        case 'slack':
        case 'teams':
          return { name, kind: place.kind, urlEnv };
        case 'webhook':
          return { name, kind: 'webhook', urlEnv, secretEnv: place['secret-env'] ?? '' };
        default:
          return {
            name,
            kind: 'issue',
            tokenEnv: place['token-env'] ?? null,
            repository: place.repository ?? null,
            labels: place.labels ?? [],
          };
      }
    }),
  };
}
