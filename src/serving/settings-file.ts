import { resolve } from 'node:path';
import { QuickServeError } from '../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../shared/json-object.ts';
import {
  type BatchingSettings,
  DEFAULT_BATCHING,
  DEFAULT_LIMITS,
  type ModelSource,
  type ServingLimits,
  type ServingSettings,
} from './settings.ts';

/** What the command line and the environment say; wins over the file. */
export interface SettingsOverrides {
  readonly host?: string;
  readonly port?: number;
  readonly workers?: number;
  readonly threads?: number;
  readonly provider?: string;
  /** `name@version=path` each, or a path. Where there are some, those of the file do not count. */
  readonly models: readonly ModelSource[];
}

export interface SettingsSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths of the file start from. */
  readonly folder: string;
  readonly processors: number;
  /** Keys of sections that parts own. */
  readonly sections: readonly string[];
}

/** Collects what is wrong, so that all of it is said at once. */
class Reader {
  readonly problems: string[] = [];

  object(value: unknown, path: string, keys: readonly string[]): JsonObject {
    if (value === undefined) return {};
    if (!isJsonObject(value)) {
      this.problems.push(`${path}: expected an object`);
      return {};
    }
    for (const key of Object.keys(value)) {
      if (!keys.includes(key))
        this.problems.push(`${path === '' ? '' : `${path}.`}${key}: is unknown; there is ${keys.join(', ')}`);
    }
    return value;
  }

  count(value: unknown, path: string, lowest: number, fallback: number): number {
    if (value === undefined) return fallback;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= lowest) return value;
    this.problems.push(`${path}: expected a whole number of at least ${lowest}`);
    return fallback;
  }

  text(value: unknown, path: string, fallback: string): string {
    if (value === undefined) return fallback;
    if (typeof value === 'string' && value !== '') return value;
    this.problems.push(`${path}: expected a text`);
    return fallback;
  }

  flag(value: unknown, path: string, fallback: boolean): boolean {
    if (value === undefined) return fallback;
    if (typeof value === 'boolean') return value;
    this.problems.push(`${path}: expected true or false`);
    return fallback;
  }
}

const LIMIT_KEYS = Object.keys(DEFAULT_LIMITS) as readonly (keyof ServingLimits)[];
/** Zero means something there: at once. */
const MAY_BE_ZERO: ReadonlySet<string> = new Set(['lingerMs', 'drainMs']);

function readLimits(reader: Reader, value: unknown): ServingLimits {
  const given = reader.object(value, 'limits', LIMIT_KEYS);
  const limits: Record<string, number | null> = {};
  for (const key of LIMIT_KEYS) {
    const fallback = DEFAULT_LIMITS[key];
    limits[key] =
      given[key] === undefined || (given[key] === null && fallback === null)
        ? fallback
        : reader.count(given[key], `limits.${key}`, MAY_BE_ZERO.has(key) ? 0 : 1, fallback ?? 0);
  }
  return limits as unknown as ServingLimits;
}

function readBatching(reader: Reader, value: unknown): BatchingSettings {
  const given = reader.object(value, 'batching', Object.keys(DEFAULT_BATCHING));
  return {
    enabled: reader.flag(given['enabled'], 'batching.enabled', DEFAULT_BATCHING.enabled),
    maxRequests: reader.count(given['maxRequests'], 'batching.maxRequests', 1, DEFAULT_BATCHING.maxRequests),
    targetMs: reader.count(given['targetMs'], 'batching.targetMs', 1, DEFAULT_BATCHING.targetMs),
  };
}

const NAME = /^[A-Za-z0-9][\w.-]{0,127}$/;

function readModels(reader: Reader, value: unknown, folder: string): readonly ModelSource[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    reader.problems.push('models: expected an array');
    return [];
  }
  return value.map((each: unknown, index) => {
    const path = `models[${index}]`;
    const given = reader.object(each, path, ['name', 'version', 'path']);
    return {
      name: reader.text(given['name'], `${path}.name`, ''),
      version: reader.text(given['version'], `${path}.version`, '0.0.0'),
      path: resolve(folder, reader.text(given['path'], `${path}.path`, '')),
    };
  });
}

function checkModels(reader: Reader, models: readonly ModelSource[]): void {
  if (models.length === 0) reader.problems.push('models: there is none; name one as name@version=path');
  const seen = new Set<string>();
  for (const { name, version } of models) {
    if (!NAME.test(name) || !NAME.test(version))
      reader.problems.push(
        `models: ${JSON.stringify(`${name}@${version}`)} is no name and version (letters, digits, ".", "_" and "-")`,
      );
    if (seen.has(`${name}@${version}`)) reader.problems.push(`models: ${name}@${version} is there twice`);
    seen.add(`${name}@${version}`);
  }
}

function vertexOf(
  reader: Reader,
  value: unknown,
  env: SettingsSurroundings['env'],
): ServingSettings['interfaces']['vertex'] {
  const isAsked = reader.flag(value, 'interfaces.vertex', env['AIP_PREDICT_ROUTE'] !== undefined);
  if (!isAsked) return null;
  return {
    healthRoute: env['AIP_HEALTH_ROUTE'] ?? '/vertex/health',
    predictRoute: env['AIP_PREDICT_ROUTE'] ?? '/vertex/predict',
  };
}

/**
 * The server's settings from a settings file, the environment and the command line, in the order of their weight.
 * @param file parsed JSON; undefined: there is no file
 * @throws QuickServeError SERVING_SETTINGS_INVALID with everything that is wrong.
 */
export function readSettings(
  file: unknown,
  overrides: SettingsOverrides,
  surroundings: SettingsSurroundings,
): ServingSettings {
  const reader = new Reader();
  const { env, folder, processors, sections } = surroundings;
  const given = reader.object(file, '', [
    'host',
    'port',
    'models',
    'workers',
    'threads',
    'provider',
    'limits',
    'batching',
    'interfaces',
    ...sections,
  ]);
  const interfaces = reader.object(given['interfaces'], 'interfaces', ['benchmark', 'sageMaker', 'vertex']);
  const models = overrides.models.length > 0 ? overrides.models : readModels(reader, given['models'], folder);
  checkModels(reader, models);
  const envPort = env['AIP_HTTP_PORT'] ?? env['PORT'];
  const port =
    overrides.port ??
    reader.count(given['port'] ?? (envPort === undefined ? undefined : Number(envPort)), 'port', 0, 8000);
  if (port > 65_535) reader.problems.push('port: there are 65535');
  const settings: ServingSettings = {
    host: overrides.host ?? reader.text(given['host'], 'host', '127.0.0.1'),
    port,
    models,
    workers: overrides.workers ?? reader.count(given['workers'], 'workers', 1, processors),
    threads: overrides.threads ?? reader.count(given['threads'], 'threads', 1, 1),
    provider: overrides.provider ?? reader.text(given['provider'], 'provider', 'cpu'),
    limits: readLimits(reader, given['limits']),
    batching: readBatching(reader, given['batching']),
    interfaces: {
      benchmark: reader.flag(interfaces['benchmark'], 'interfaces.benchmark', false),
      sageMaker: reader.flag(
        interfaces['sageMaker'],
        'interfaces.sageMaker',
        env['QUICKSERVEML_SAGEMAKER'] === '1',
      ),
      vertex: vertexOf(reader, interfaces['vertex'], env),
    },
    sections: Object.fromEntries(sections.map(key => [key, given[key]])),
  };
  if (reader.problems.length > 0) {
    throw new QuickServeError({
      code: 'SERVING_SETTINGS_INVALID',
      message: `The settings of the server have errors:\n${reader.problems.map(problem => `  ${problem}`).join('\n')}`,
      hint: 'docs/serving.md lists every setting.',
    });
  }
  return settings;
}

/** `digits@1.2.0=/models/digits/model.onnx`, or `digits=...`. @throws QuickServeError SERVING_SETTINGS_INVALID */
export function parseModelArgument(text: string, folder: string): ModelSource {
  const equals = text.indexOf('=');
  const [label, path] = [text.slice(0, equals), text.slice(equals + 1)];
  if (equals <= 0 || path === '') {
    throw new QuickServeError({
      code: 'SERVING_SETTINGS_INVALID',
      message: `"${text}" names no model.`,
      hint: 'Write name@version=path, for example digits@1.2.0=/models/digits/model.onnx.',
    });
  }
  const at = label.lastIndexOf('@');
  return {
    name: at > 0 ? label.slice(0, at) : label,
    version: at > 0 ? label.slice(at + 1) : '0.0.0',
    path: resolve(folder, path),
  };
}
