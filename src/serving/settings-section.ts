import { QuickServeError } from '../shared/errors.ts';

/** A section of the settings file: an object whose keys are known. */
export type Section = Readonly<Record<string, unknown>>;

/** @param where the path of the value: `access.keys[0].rate`. Neither it nor the problem may hold a secret. */
export function settingsError(where: string, problem: string): QuickServeError {
  return new QuickServeError({
    code: 'SERVING_SETTINGS_INVALID',
    message: `${where}: ${problem}.`,
    hint: 'docs/serving-operations.md describes the settings of access, watching and traffic.',
  });
}

/** Nothing stands for an empty section. @throws QuickServeError for another value, or a key that is not known. */
export function sectionOf(value: unknown, where: string, known: readonly string[]): Section {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw settingsError(where, 'it is no object');
  const unknown = Object.keys(value).find(key => !known.includes(key));
  if (unknown !== undefined)
    throw settingsError(where, `${JSON.stringify(unknown)} is not known; there are ${known.join(', ')}`);
  return value as Section;
}

export function textOf(section: Section, key: string, where: string): string {
  const value = section[key];
  if (typeof value !== 'string' || value.trim() === '')
    throw settingsError(`${where}.${key}`, 'a text is wanted');
  return value;
}

/** Nothing stands for an empty list. */
export function listOf(value: unknown, where: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw settingsError(where, 'a list is wanted');
  return value;
}

/** A number of 0 to 1; `otherwise` where there is none. */
export function shareOf(value: unknown, where: string, otherwise: number): number {
  if (value === undefined || value === null) return otherwise;
  if (typeof value !== 'number' || !(value >= 0 && value <= 1))
    throw settingsError(where, 'a number from 0 to 1 is wanted');
  return value;
}

/** One of a few words; the first where there is none. */
export function choiceOf<T extends string>(value: unknown, where: string, choices: readonly [T, ...T[]]): T {
  if (value === undefined || value === null) return choices[0];
  const found = choices.find(choice => choice === value);
  if (found === undefined) throw settingsError(where, `one of ${choices.join(', ')} is wanted`);
  return found;
}
