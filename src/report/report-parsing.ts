import type { ErrorObject } from 'ajv/dist/2020.js';
import { QuickServeError } from '../shared/errors.ts';
import { shortenText, visibleText } from './escape.ts';
import type { Report } from './report.ts';
import { reportValidator } from './report-validator.ts';

/** What a report may cost whoever reads it. */
export interface ReportLimits {
  readonly maxBytes: number;
  readonly maxModels: number;
  /** Nesting of the JSON; a report is 8 deep. */
  readonly maxDepth: number;
}

export const DEFAULT_REPORT_LIMITS: ReportLimits = {
  maxBytes: 16 * 1024 * 1024,
  maxModels: 1_000,
  maxDepth: 32,
};

/**
 * A saved report, checked before anything in it is believed: it may come from a fork.
 * Throws REPORT_TOO_LARGE over a limit and REPORT_INVALID where it is no JSON or breaks schemas/report.schema.json.
 * The strings in the result are as they came: serialisers escape them. What it says of repository, pull request and
 * commits is a claim of whoever wrote it.
 */
export function parseReport(text: string, limits: ReportLimits = DEFAULT_REPORT_LIMITS): Report {
  // A string never has fewer bytes than code units, so the cheap test comes first.
  if (text.length > limits.maxBytes || Buffer.byteLength(text) > limits.maxBytes) {
    throw tooLarge(`The report is larger than ${limits.maxBytes} bytes.`);
  }
  if (exceedsDepth(text, limits.maxDepth))
    throw invalid(`The report is nested deeper than ${limits.maxDepth} levels.`);
  const value = parseJson(text);
  const models = modelCount(value);
  if (models > limits.maxModels)
    throw tooLarge(`The report has ${models} models; ${limits.maxModels} is the most that is read.`);
  const validate = reportValidator();
  if (!validate(value))
    throw invalid(`The report breaks its schema: ${describeError(validate.errors?.[0])}.`);
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value));
  } catch {
    // The parser's own message quotes the text, which is not to be trusted in a log.
    throw invalid('The report is not JSON.');
  }
}

/** Counts brackets outside strings, so that a hostile nesting is refused before the parser recurses into it. */
function exceedsDepth(text: string, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (inString) {
      if (character === '\\') index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (character === '}' || character === ']') depth -= 1;
  }
  return false;
}

function modelCount(value: unknown): number {
  if (typeof value !== 'object' || value === null || !('models' in value)) return 0;
  return Array.isArray(value.models) ? value.models.length : 0;
}

function describeError(error: ErrorObject | undefined): string {
  if (error === undefined) return 'it does not match';
  const place = error.instancePath === '' ? 'the report' : visibleText(shortenText(error.instancePath, 120));
  return `${place} ${visibleText(shortenText(error.message ?? 'does not match', 200))}`;
}

const tooLarge = (message: string): QuickServeError =>
  new QuickServeError({
    code: 'REPORT_TOO_LARGE',
    message,
    hint: 'Check fewer models in one report: use --shard.',
  });

const invalid = (message: string): QuickServeError =>
  new QuickServeError({
    code: 'REPORT_INVALID',
    message,
    hint: 'Give the report.json that `quickserveml check --report-dir` wrote, by a version with the same schemaVersion.',
  });
