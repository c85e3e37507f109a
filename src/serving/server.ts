import type { AddressInfo } from 'node:net';
import { identifyModel } from '../model/model-identity.ts';
import { interfaceOf } from '../model/model-interface.ts';
import { readModel } from '../model/model-reader.ts';
import { messageOf, QuickServeError } from '../shared/errors.ts';
import type { Admission, Route } from './call.ts';
import type { ModelFacts } from './engine/generation.ts';
import { ServingEngine } from './engine/serving-engine.ts';
import type { WorkerLaunch } from './engine/worker-handle.ts';
import { HeldBytes } from './held-bytes.ts';
import { HttpFront } from './http/http-front.ts';
import { benchmarkRoute } from './interfaces/benchmark-route.ts';
import { cloudRoutes } from './interfaces/cloud-routes.ts';
import { failureReply, type InferenceAccess } from './interfaces/inference-replies.ts';
import { createModelChooser } from './interfaces/model-choice.ts';
import { servedOpenApi } from './interfaces/openapi-document.ts';
import { ownRoutes } from './interfaces/own-routes.ts';
import { recordStreamRoute } from './interfaces/record-stream.ts';
import { v2Routes } from './interfaces/v2-routes.ts';
import type { ServerPartFactory, ServingWorld } from './server-parts.ts';
import type { ModelSource, ServingSettings } from './settings.ts';
import type { ServerEvent, ServerSnapshot, ServerView, Watcher } from './watcher.ts';

export interface ServerOptions {
  readonly settings: ServingSettings;
  readonly world: ServingWorld;
  readonly launch: Pick<WorkerLaunch, 'workerPath' | 'packageFolder'>;
  /** By the key of their section in the settings file. */
  readonly parts: Readonly<Record<string, ServerPartFactory>>;
}

/** A server that listens and is ready. */
export interface RunningServer {
  readonly address: AddressInfo;
  readonly view: ServerView;
  /**
   * Serves other models from now on; all goes on as it was where they cannot be read or one of them is refused.
   * @throws Error with the reason, which /health has too
   */
  replaceModels(read: () => readonly ModelSource[]): Promise<void>;
  /** Answers what is on its way, then ends. */
  stop(): Promise<void>;
}

const ADMITS_ALL: Admission = {
  admit: () => ({ kind: 'admitted', keyName: null }),
  replyHeaders: () => ({}),
};

const isWatcher = (watcher: Watcher | undefined): watcher is Watcher => watcher !== undefined;

/** Tells several watchers of everything; the first trace counts. */
function joinWatchers(watchers: readonly Watcher[]): Watcher {
  return {
    begin(call) {
      for (const watcher of watchers) {
        const trace = watcher.begin(call);
        if (trace !== null) return trace;
      }
      return null;
    },
    served(record) {
      for (const watcher of watchers) watcher.served(record);
    },
    happened(event) {
      for (const watcher of watchers) watcher.happened(event);
    },
    async close() {
      await Promise.all(watchers.map(watcher => watcher.close()));
    },
  };
}

async function factsOf({ name, version, path }: ModelSource): Promise<ModelFacts> {
  const { inputs, outputs, opsets } = interfaceOf(readModel(path));
  const { sha256 } = await identifyModel(path);
  return { name, version, path, sha256, interface: { inputs, outputs, opsets, optionalInputs: [] } };
}

function startFailed(message: string, hint: string, cause?: unknown): QuickServeError {
  return new QuickServeError({ code: 'SERVING_START_FAILED', message, hint, cause });
}

/**
 * Starts a server: workers load the models, then it listens.
 * @throws QuickServeError SERVING_START_FAILED, SERVING_SETTINGS_INVALID, MODEL_*.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { settings, world } = options;
  const nowMs = world.monotonicMs;
  const startedMs = nowMs();
  let watcher: Watcher = joinWatchers([]);
  const happened = (event: ServerEvent): void => watcher.happened(event);
  const engine = new ServingEngine({
    settings,
    launch: { ...options.launch, environment: world.env },
    nowMs,
    happened,
  });
  const room = new HeldBytes(settings.limits.heldBytes);
  let front: HttpFront | null = null;
  let reloadFailure: string | null = null;
  const view: ServerView = {
    snapshot(): ServerSnapshot {
      const draining = front?.draining ?? false;
      const workers = engine.workers();
      const able = workers.filter(({ state }) => state === 'idle' || state === 'busy').length;
      const reasons = [
        ...(draining ? ['the server is stopping'] : []),
        ...(able < settings.workers ? [`${able} of ${settings.workers} workers are ready`] : []),
        ...(reloadFailure === null ? [] : [`the last change of models failed: ${reloadFailure}`]),
      ];
      return {
        ready: able > 0 && !draining,
        reasons,
        draining,
        uptimeMs: nowMs() - startedMs,
        connections: front?.connections ?? 0,
        inFlight: front?.inFlight ?? 0,
        heldBytes: room.held,
        workers,
        queues: engine.queues(),
      };
    },
  };
  const parts = await Promise.all(
    Object.entries(options.parts).map(([key, make]) => make(settings.sections[key], world, view)),
  );
  watcher = joinWatchers(parts.map(part => part.watcher).filter(isWatcher));

  const split = parts.find(part => part.split !== undefined)?.split ?? null;
  const access: InferenceAccess = {
    engine,
    split,
    chooser: createModelChooser(() => engine.models(), split),
  };
  const partRoutes = parts.flatMap(part => part.routes ?? []);
  const routes: Route[] = [
    ...v2Routes(access, view, world.toolVersion),
    ...cloudRoutes(settings.interfaces, access, view),
    recordStreamRoute(access, settings.limits, room),
    ...(settings.interfaces.benchmark ? [benchmarkRoute(access, nowMs)] : []),
    ...partRoutes,
  ];
  const own = ownRoutes({
    access,
    view,
    toolVersion: world.toolVersion,
    openApi: () => servedOpenApi(engine.models(), [...own, ...routes], world.toolVersion),
    links: [
      '/health',
      '/model/info',
      '/model/schema',
      '/openapi.json',
      '/v2',
      ...partRoutes.map(({ path }) => path),
    ],
  });
  front = new HttpFront({
    limits: settings.limits,
    room,
    routes: [...own, ...routes],
    admission: parts.find(part => part.admission !== undefined)?.admission ?? ADMITS_ALL,
    overload: () => {
      const failure = engine.overload();
      return failure === null ? null : failureReply(failure);
    },
    watcher,
    nowMs,
    newId: createIds(world),
    reportBug: error =>
      world.writeLog(
        `${JSON.stringify({ level: 'error', message: 'a bug of the server', error: error instanceof Error ? error.stack : String(error) })}\n`,
      ),
  });

  const listening = front;
  const end = async (): Promise<void> => {
    await engine.close();
    await watcher.close();
  };
  let address: AddressInfo;
  try {
    await engine.serve(await Promise.all(settings.models.map(factsOf)));
    address = await listening.listen(settings.host, settings.port);
  } catch (error) {
    await end();
    if (error instanceof QuickServeError) throw error;
    throw startFailed(
      `The server could not be started: ${messageOf(error)}`,
      'Check the model with `quickserveml test`, and that the port is free.',
      error,
    );
  }
  happened({ kind: 'listening', address: address.address, port: address.port });
  let stopped: Promise<void> | null = null;
  return {
    address,
    view,
    async replaceModels(read) {
      try {
        await engine.serve(await Promise.all(read().map(factsOf)));
        reloadFailure = null;
      } catch (error) {
        reloadFailure = messageOf(error);
        happened({ kind: 'reload-failed', reason: reloadFailure });
        throw error;
      }
    },
    stop() {
      stopped ??= (async () => {
        happened({ kind: 'draining', inFlight: listening.inFlight });
        await listening.drain();
        happened({ kind: 'stopped' });
        await end();
      })();
      return stopped;
    },
  };
}

/** Ids that differ within this process by their count and between processes by chance. */
function createIds({ random }: Pick<ServingWorld, 'random'>): () => string {
  const start = Math.floor(random() * 2 ** 40).toString(36);
  let count = 0;
  return () => `${start}-${(count++).toString(36)}`;
}
