import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fingerprint, SoloMeasurement } from '../../src/benchmark/measurement.ts';
import type { Surroundings } from '../../src/commands/surroundings.ts';
import type { Measurer } from '../../src/commands/watch/measurer.ts';
import { runWatch, type WatchOptions, type WatchOutcome } from '../../src/commands/watch.ts';
import { noRules } from '../../src/registry/promotion.ts';
import type { Registry } from '../../src/registry/registry.ts';
import type { QuickServeError } from '../../src/shared/errors.ts';
import { normalRandom, seededRandom } from '../../src/shared/random.ts';
import { entryFor, registryAt } from './git-registries.ts';
import { sha256 } from './git-repositories.ts';
import { GitHubServer, TEST_TOKEN } from './github-server.ts';
import { createTestRemote, fixtureModel, type TestRemote } from './pull-request.ts';
import { testSurroundings } from './surroundings.ts';
import { WebhookServer } from './webhook-server.ts';

const DAY = 86_400_000;
export const WEBHOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
export const WATCH_CONFIG = `version: 1
models:
  digits: { path: models/digits.onnx }
alerts:
  places:
    tracker: { kind: issue, labels: [models] }
    team: { kind: slack, url-env: SLACK_WEBHOOK_URL }
    office: { kind: teams, url-env: TEAMS_WEBHOOK_URL }
    pager: { kind: webhook, url-env: PAGER_URL, secret-env: PAGER_SECRET }
`;

const machine = (key: string): Fingerprint => ({
  key,
  cpuModel: 'A CPU',
  isa: 'avx2',
  cores: 2,
  cpuQuota: null,
  memoryGiB: 8,
  os: 'linux',
  kernel: '6.1',
  arch: 'x64',
  nodeVersion: 'v24.0.0',
  runtimeVersion: '1.30.0',
  provider: 'cpu',
  threads: 1,
});

const OPTIONS: Omit<WatchOptions, 'cwd'> = {
  models: [],
  accept: [],
  record: null,
  budgetMs: null,
  runtimeVersion: null,
  runtimePath: null,
  insecure: [],
};

/** A model in production in a real repository, places that are told on loopback, and a machine as fast as a test says. */
export class WatchedProduction implements AsyncDisposable {
  /** Each measurement takes the next of these, the last one again and again. */
  latencyMs: readonly number[] = [2];
  /** Times of sets of inputs that have a name of their own, as multiples of that. */
  factors: Readonly<Record<string, number>> = {};
  fingerprint = machine('abc123');
  /** What every measurement ends with; null: a value. */
  broken: QuickServeError | null = null;
  measurements = 0;
  /** What each measurement was allowed to take, milliseconds. */
  readonly budgetsMs: number[] = [];
  clone = '';
  readonly log: string[] = [];
  readonly remote: TestRemote;
  readonly github: GitHubServer;
  readonly hooks: WebhookServer;
  #clock = Date.UTC(2026, 9, 1, 3);
  readonly #normal = normalRandom(seededRandom(7));

  private constructor(github: GitHubServer, hooks: WebhookServer, remote: TestRemote) {
    this.github = github;
    this.hooks = hooks;
    this.remote = remote;
  }

  static async start(): Promise<WatchedProduction> {
    const made = await WatchedProduction.#on(createTestRemote());
    made.remote.commit('main', { 'models/digits.onnx': { model: 'digits' } });
    made.configure(WATCH_CONFIG);
    await made.promote('digits');
    return made;
  }

  static async #on(remote: TestRemote): Promise<WatchedProduction> {
    return new WatchedProduction(await GitHubServer.start(), await WebhookServer.start(), remote);
  }

  /** The same repository again, as it is now, with places of its own that were told nothing. */
  async copy(): Promise<WatchedProduction> {
    const made = await WatchedProduction.#on(createTestRemote(this.remote.bare));
    made.clone = made.remote.checkout('refs/heads/main');
    made.#clock = this.#clock;
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.github[Symbol.asyncDispose]();
    await this.hooks[Symbol.asyncDispose]();
    this.remote[Symbol.dispose]();
  }

  get registry(): Registry {
    return registryAt(this.remote.folder, `file://${this.remote.bare}`, { now: () => this.#clock });
  }

  configure(text: string): void {
    this.remote.commit('main', { 'quickserveml.yml': { text } });
    this.clone = this.remote.checkout('refs/heads/main');
  }

  onMachine(key: string): void {
    this.fingerprint = machine(key);
  }

  /** Records the bytes of a fixture as a version of `digits` and puts it into production. */
  async promote(fixture: string): Promise<string> {
    const bytes = readFileSync(join(fixtureModel(fixture), 'model.onnx'));
    const entry = entryFor(this.remote.folder, 'digits', bytes, { measurement: null });
    const [outcome] = await this.registry.record([entry]);
    const version = outcome?.version ?? '';
    this.#clock += 1_000;
    await this.setStatus(version, 'production');
    this.#clock += 1_000;
    return version;
  }

  async setStatus(version: string, status: 'production' | 'archived'): Promise<void> {
    const content = { kind: 'promotion', status, rules: noRules } as const;
    const outcome = await this.registry.addEvent({ model: 'digits', version, reason: null, content });
    if (outcome.kind !== 'written') throw new Error(`${version} was not set to ${status}`);
  }

  /** Many earlier measurements in one commit, with each set of inputs; without names they do not say with which. */
  async seed(count: number, milliseconds: number, names: readonly string[] = []): Promise<void> {
    this.#clock += DAY;
    const { sha256 } = JSON.parse(this.remote.registryFile('models/digits/versions/1.0.0.json')) as {
      sha256: string;
    };
    const [first, ...others] = names;
    const additions = Array.from({ length: count }, () => ({
      model: 'digits',
      sha256,
      version: '1.0.0',
      commit: null,
      fingerprint: this.fingerprint,
      metrics: { latency: this.#noisy(milliseconds), 'load-time': 10, memory: 1e8 },
      ...(first === undefined ? {} : { inputs: inputsOf(first) }),
      furtherInputs: others.map(name => ({
        inputs: inputsOf(name),
        metrics: { latency: this.#noisy(milliseconds), memory: 1e8 },
        samples: {},
      })),
    }));
    await this.registry.addMeasurements(additions);
  }

  /** One run a day. */
  async watch(more: Partial<WatchOptions> = {}, env = this.environment()): Promise<WatchOutcome> {
    this.#clock += DAY;
    return runWatch({ ...OPTIONS, cwd: this.clone, ...more }, this.#world(env), () => this.#measurer);
  }

  async days(count: number, milliseconds: number): Promise<void> {
    this.latencyMs = [milliseconds];
    for (let day = 0; day < count; day += 1) await this.watch();
  }

  environment(): Surroundings['env'] {
    return {
      PATH: process.env['PATH'],
      HOME: this.remote.folder,
      GITHUB_ACTIONS: 'true',
      GITHUB_EVENT_NAME: 'schedule',
      GITHUB_REF: 'refs/heads/main',
      GITHUB_REPOSITORY: 'acme/models',
      GITHUB_SERVER_URL: 'https://github.example',
      GITHUB_RUN_ID: '77',
      GITHUB_API_URL: this.github.apiUrl,
      GITHUB_TOKEN: TEST_TOKEN,
      SLACK_WEBHOOK_URL: this.hooks.urlOf('/services/T000/B000/verySecretPath'),
      TEAMS_WEBHOOK_URL: this.hooks.urlOf('/workflows/abc/triggers?sig=alsoVerySecret'),
      PAGER_URL: this.hooks.urlOf('/pager'),
      PAGER_SECRET: WEBHOOK_SECRET,
    };
  }

  /** First parts of the paths at which messages arrived. */
  get told(): readonly string[] {
    return this.hooks.received.map(({ path }) => path.split('/')[1] ?? '');
  }

  /** How many events of the kind `health` the registry branch has. */
  get healthEvents(): number {
    return this.remote
      .registryFiles()
      .filter(path => path.includes('/events/'))
      .filter(path => this.remote.registryFile(path).includes('"kind": "health"')).length;
  }

  #world(env: Surroundings['env']): Surroundings {
    return {
      ...testSurroundings(),
      env,
      now: () => this.#clock,
      cacheFolder: join(this.remote.folder, 'cache'),
      progress: { step: text => void this.log.push(text), update: () => undefined },
      patience: { timeoutMs: 2_000, backoffMs: 1, sleep: async () => undefined },
    };
  }

  #noisy(milliseconds: number): number {
    return milliseconds * Math.exp(0.005 * this.#normal());
  }

  readonly #measurer: Measurer = {
    fingerprint: async () => this.fingerprint,
    measure: async (_config, _model, { workload: { name }, budgetMs }) => {
      this.measurements += 1;
      this.budgetsMs.push(budgetMs);
      if (this.broken !== null) throw this.broken;
      const [next = 2, ...later] = this.latencyMs;
      if (later.length > 0) this.latencyMs = later;
      return {
        measured: soloOf(this.#noisy(next * (this.factors[name] ?? 1)), inputsOf(name).digest),
        rows: 1,
        disturbance: { stealShare: 0, loadPerCpu: 0.1 },
      };
    },
  };
}

const inputsOf = (name: string) => ({ name, digest: sha256(Buffer.from(name)) });

const soloOf = (latencyMs: number, feedDigest: string): SoloMeasurement => ({
  kind: 'solo',
  latencyMs,
  loadMs: 10,
  firstRunMs: 4,
  peakRssBytes: 1e8,
  samples: {
    latencyMs: [latencyMs, latencyMs, latencyMs],
    loadMs: [10, 10, 10],
    peakRssBytes: [1e8, 1e8, 1e8],
  },
  bounds: { latencyMs: { low: latencyMs, high: latencyMs }, loadMs: null, peakRssBytes: null },
  launches: 3,
  runs: 100,
  waitShare: 0,
  durationMs: 900,
  feedDigest,
  feedOrigin: 'synthetic',
});
