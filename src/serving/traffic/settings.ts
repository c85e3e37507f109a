import { listOf, sectionOf, settingsError, shareOf, textOf } from '../settings-section.ts';

/** A version and its share of the requests, 0 to 1. */
export interface VersionShare {
  readonly version: string;
  readonly share: number;
}

/** What happens with requests for a model that name no version. */
export interface ModelTraffic {
  /** Shares add up to 1; empty: all go to the newest. */
  readonly split: readonly VersionShare[];
  /** A version that gets copies of a share of the requests; its answers are compared and thrown away. */
  readonly mirror: VersionShare | null;
  /** `request`: each request for itself. `key`: all requests of a caller go one way. */
  readonly by: 'request' | 'key';
  readonly tolerance: { readonly absolute: number; readonly relative: number } | null;
}

/** By the name of the model. */
export type TrafficSettings = ReadonlyMap<string, ModelTraffic>;

function shareEntry(value: unknown, where: string): VersionShare {
  const section = sectionOf(value, where, ['version', 'share']);
  return {
    version: textOf(section, 'version', where),
    share: shareOf(section['share'], `${where}.share`, 1),
  };
}

function splitOf(value: unknown, where: string): readonly VersionShare[] {
  const split = listOf(value, where).map((each, index) => shareEntry(each, `${where}[${index}]`));
  if (split.length === 0) return [];
  const twin = split.find(
    ({ version }, index) => split.findIndex(each => each.version === version) !== index,
  );
  if (twin !== undefined)
    throw settingsError(where, `the version ${JSON.stringify(twin.version)} is there twice`);
  const sum = split.reduce((total, { share }) => total + share, 0);
  // Thirds are written as 0.333.
  if (Math.abs(sum - 1) > 0.005)
    throw settingsError(where, `the shares add up to ${sum.toFixed(3)} and not to 1`);
  return split;
}

function toleranceOf(value: unknown, where: string): ModelTraffic['tolerance'] {
  if (value === undefined || value === null) return null;
  const section = sectionOf(value, where, ['absolute', 'relative']);
  const number = (key: string): number => {
    const given = section[key] ?? 0;
    if (typeof given !== 'number' || !(given >= 0))
      throw settingsError(`${where}.${key}`, 'a number of at least 0 is wanted');
    return given;
  };
  return { absolute: number('absolute'), relative: number('relative') };
}

/** Reads the section `traffic`. @throws QuickServeError SERVING_SETTINGS_INVALID. */
export function parseTrafficSettings(value: unknown): TrafficSettings {
  if (value !== undefined && value !== null && (typeof value !== 'object' || Array.isArray(value)))
    throw settingsError('traffic', 'it is no object with the names of models');
  return new Map(
    Object.entries(value ?? {}).map(([model, given]) => {
      const where = `traffic.${model}`;
      const section = sectionOf(given, where, ['split', 'mirror', 'by', 'tolerance']);
      const by = section['by'] ?? 'request';
      if (by !== 'request' && by !== 'key')
        throw settingsError(`${where}.by`, '"request" or "key" is wanted');
      const mirror = section['mirror'];
      return [
        model,
        {
          split: splitOf(section['split'], `${where}.split`),
          mirror: mirror === undefined || mirror === null ? null : shareEntry(mirror, `${where}.mirror`),
          by,
          tolerance: toleranceOf(section['tolerance'], `${where}.tolerance`),
        },
      ];
    }),
  );
}
