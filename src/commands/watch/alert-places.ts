import type { AlertPlace } from '../../config/alerts.ts';
import type { Remote } from '../../git/repository.ts';
import { addressProblem, postWebhook } from '../../platforms/alerts/webhook-request.ts';
import { signWebhook } from '../../platforms/alerts/webhook-signature.ts';
import type { CiContext } from '../../platforms/context.ts';
import type { AlertNews } from '../../report/alerts/news.ts';
import { renderSlack } from '../../report/alerts/slack.ts';
import { renderTeams } from '../../report/alerts/teams.ts';
import { renderWebhook } from '../../report/alerts/webhook.ts';
import { maskSecrets } from '../../shared/secrets.ts';
import type { Surroundings } from '../surroundings.ts';
import { type PlaceOutcome, tellIssue } from './issue-place.ts';

export type { PlaceOutcome };

const RENDERERS = { slack: renderSlack, teams: renderTeams, webhook: renderWebhook } as const;

/** What is secret in an address: its path and query, whole and in parts. */
function addressParts(text: string): readonly string[] {
  if (!URL.canParse(text)) return [text];
  const { pathname, search, searchParams } = new URL(text);
  const parts = [...pathname.split('/'), ...searchParams.values()].filter(
    part => part.length >= PART_MIN_CHARACTERS,
  );
  return [text, pathname, search, ...parts];
}

/** Shorter parts of an address are words such as `services`. */
const PART_MIN_CHARACTERS = 9;

/** Values that must show nowhere: what the places' variables hold. */
function secretsOf(places: readonly AlertPlace[], env: Surroundings['env']): readonly string[] {
  const value = (name: string): string => (env[name] ?? '').trim();
  return places.flatMap(place => {
    if (place.kind === 'issue') return place.tokenEnv === null ? [] : [value(place.tokenEnv)];
    const address = addressParts(value(place.urlEnv));
    return place.kind === 'webhook' ? [...address, value(place.secretEnv)] : address;
  });
}

/**
 * Tells one place. Never throws for what the other side does.
 * @param all the places of the configuration: what comes back names no secret of any of them.
 */
export async function tellPlace(
  place: AlertPlace,
  news: AlertNews,
  all: readonly AlertPlace[],
  where: { readonly context: CiContext; readonly remote: Remote | null },
  world: Surroundings,
): Promise<PlaceOutcome> {
  const outcome =
    place.kind === 'issue' ? await tellIssue(place, news, where, world) : await post(place, news, world);
  if (outcome.kind === 'arrived') return outcome;
  return { kind: 'failed', reason: maskSecrets(outcome.reason, secretsOf(all, world.env)) };
}

async function post(
  place: Exclude<AlertPlace, { kind: 'issue' }>,
  news: AlertNews,
  world: Surroundings,
): Promise<PlaceOutcome> {
  const url = (world.env[place.urlEnv] ?? '').trim();
  if (url === '') return { kind: 'failed', reason: `${place.urlEnv} is not set` };
  const problem = addressProblem(url, place.kind === 'webhook');
  if (problem !== null) return { kind: 'failed', reason: `${place.urlEnv} ${problem}` };
  const secret = place.kind === 'webhook' ? (world.env[place.secretEnv] ?? '').trim() : null;
  if (place.kind === 'webhook' && secret === '')
    return { kind: 'failed', reason: `${place.secretEnv} is not set` };
  const body = JSON.stringify(RENDERERS[place.kind](news));
  const outcome = await postWebhook(
    {
      url,
      body,
      headers: () =>
        secret === null ? {} : signWebhook({ id: news.id, sentAtMs: world.now(), body, secret }),
      isRepeatable: place.kind === 'webhook',
      userAgent: `quickserveml/${world.toolVersion}`,
      environment: world.env,
    },
    world.patience ?? {},
  );
  return outcome.kind === 'arrived' ? { kind: 'arrived', detail: '' } : outcome;
}
