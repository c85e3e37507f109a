import { createHash } from 'node:crypto';
import type { Call } from '../call.ts';
import type { ServerPart, ServingWorld } from '../server-parts.ts';
import type { TrafficSplit } from '../traffic-split.ts';
import type { ServerView } from '../watcher.ts';
import { instrumentsOf } from '../watching/instruments.ts';
import type { ServerMetrics } from '../watching/metrics.ts';
import { sameAnswers } from './answer-comparison.ts';
import {
  type ModelTraffic,
  parseTrafficSettings,
  type TrafficSettings,
  type VersionShare,
} from './settings.ts';

/** Answers larger than this are not parsed for a comparison: it would hold up everybody else. */
const LARGEST_COMPARED_BYTES = 1_048_576;

/**
 * A number in [0, 1) that depends on the texts alone: the same request goes the same way on every server and after every
 * restart, and a split and a mirror are drawn independently.
 */
export function drawOf(...texts: readonly string[]): number {
  const digest = createHash('sha256').update(JSON.stringify(texts)).digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
}

/** What decides: the caller's secret (only as a hash), or its address where it has none; or the request. */
function subjectOf(call: Call, by: ModelTraffic['by']): string {
  if (by === 'request') return call.id;
  const key = call.headers.authorization ?? call.headers['x-api-key'];
  return typeof key === 'string' ? key : call.clientAddress;
}

/** The version whose part of [0, 1) the draw is in; versions that are not loaded leave their part to the others. */
export function pickVersion(
  split: readonly VersionShare[],
  loaded: readonly string[],
  draw: number,
): string | null {
  const there = split.filter(({ version, share }) => share > 0 && loaded.includes(version));
  const sum = there.reduce((total, { share }) => total + share, 0);
  let passed = 0;
  for (const { version, share } of there) {
    passed += share / sum;
    if (draw < passed) return version;
  }
  return there.at(-1)?.version ?? null;
}

const parsed = (body: Uint8Array): unknown => JSON.parse(Buffer.from(body).toString('utf8'));

/** Chooses versions and compares answers, and counts both. */
function createSplit(settings: TrafficSettings, metrics: ServerMetrics): TrafficSplit {
  return {
    choose(model, versions, call) {
      const traffic = settings.get(model);
      const newest = versions.at(-1);
      if (traffic === undefined || newest === undefined) return null;
      const subject = subjectOf(call, traffic.by);
      const version = pickVersion(traffic.split, versions, drawOf('split', model, subject)) ?? newest;
      const { mirror } = traffic;
      const mirrors =
        mirror !== null &&
        mirror.version !== version &&
        versions.includes(mirror.version) &&
        drawOf('mirror', model, subject) < mirror.share;
      metrics.routed(model, version);
      return { version, mirror: mirrors ? mirror.version : null };
    },
    compared(model, answer, mirrored) {
      const count = (outcome: Parameters<ServerMetrics['compared']>[3]): void =>
        metrics.compared(model, answer.version, mirrored.version, outcome);
      if (answer.status !== 200 || mirrored.status !== 200) {
        count(answer.status === mirrored.status ? 'same' : 'failed');
        return;
      }
      if (Math.max(answer.body.length, mirrored.body.length) > LARGEST_COMPARED_BYTES) {
        count('skipped');
        return;
      }
      try {
        const tolerance = settings.get(model)?.tolerance ?? null;
        count(sameAnswers(parsed(answer.body), parsed(mirrored.body), tolerance) ? 'same' : 'different');
      } catch {
        count('failed');
      }
    },
  };
}

/** The part `traffic`: A/B and shadow. @throws QuickServeError SERVING_SETTINGS_INVALID. */
export function trafficPart(section: unknown, world: ServingWorld, view: ServerView): ServerPart {
  const settings = parseTrafficSettings(section);
  return settings.size === 0 ? {} : { split: createSplit(settings, instrumentsOf(view, world).metrics) };
}
