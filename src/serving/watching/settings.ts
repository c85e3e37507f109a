import { choiceOf, sectionOf, settingsError, shareOf } from '../settings-section.ts';
import type { RequestLog } from './request-log.ts';
import type { ExporterSettings } from './span-exporter.ts';

/** The section `watching` of the settings file, with the variables that OpenTelemetry has for the same. */
export interface WatchingSettings {
  readonly requestLog: RequestLog;
  /** Of traces that start here. */
  readonly sampleRatio: number;
  /** null: traces are followed in logs and not exported. */
  readonly exporter: ExporterSettings | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `key=value,key=value`, percent-encoded (OpenTelemetry, "Specifying headers via environment variables"). */
function headersOf(text: string | undefined): Readonly<Record<string, string>> {
  const where = 'OTEL_EXPORTER_OTLP_HEADERS';
  const pairs = (text ?? '')
    .split(',')
    .map(pair => pair.trim())
    .filter(pair => pair !== '')
    .map((pair, index): [string, string] => {
      const at = pair.indexOf('=');
      const name = pair.slice(0, Math.max(0, at)).trim().toLowerCase();
      let value: string;
      try {
        value = decodeURIComponent(pair.slice(at + 1).trim());
      } catch {
        value = '\n';
      }
      // The text may be a secret: only its place is said.
      if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\t\x20-\x7e]*$/.test(value))
        throw settingsError(where, `entry ${index + 1} is no name=value that a header can have`);
      return [name, value];
    });
  return Object.fromEntries(pairs);
}

function urlOf(text: string, where: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    throw settingsError(where, 'an http:// or https:// address is wanted');
  if (url.username !== '' || url.password !== '')
    throw settingsError(
      where,
      'an address without user and password is wanted; OTEL_EXPORTER_OTLP_HEADERS is for them',
    );
  return url;
}

/** The settings' address is the base, as the general variable's; the variable for traces is whole. */
function endpointOf(configured: unknown, environment: Environment): string | null {
  if (configured !== undefined && typeof configured !== 'string')
    throw settingsError('watching.tracing.endpoint', 'a text is wanted');
  const whole = environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  if (configured === undefined && whole !== undefined && whole !== '')
    return urlOf(whole, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT').href;
  const base = configured ?? environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (base === undefined || base === '') return null;
  const where = configured === undefined ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : 'watching.tracing.endpoint';
  const url = urlOf(base, where);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  return url.href;
}

/** Reads the section. @throws QuickServeError SERVING_SETTINGS_INVALID. */
export function parseWatchingSettings(
  value: unknown,
  environment: Environment,
  toolVersion: string,
): WatchingSettings {
  const section = sectionOf(value, 'watching', ['requestLog', 'tracing']);
  const tracing = sectionOf(section['tracing'], 'watching.tracing', ['endpoint', 'sampleRatio']);
  const url = endpointOf(tracing['endpoint'], environment);
  return {
    requestLog: choiceOf(section['requestLog'], 'watching.requestLog', ['all', 'problems', 'none']),
    sampleRatio: shareOf(tracing['sampleRatio'], 'watching.tracing.sampleRatio', 1),
    exporter:
      url === null
        ? null
        : {
            url,
            headers: headersOf(environment['OTEL_EXPORTER_OTLP_HEADERS']),
            serviceName: environment['OTEL_SERVICE_NAME'] ?? 'quickserveml',
            serviceVersion: toolVersion,
          },
  };
}
