import { Ajv2020, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Report } from './report.ts';
import { REPORT_SCHEMA } from './report-schema.ts';

export const REPORT_VALIDATION: Options = {
  strict: true,
  allErrors: false,
  discriminator: true,
  ownProperties: true,
};

let compiled: ValidateFunction<Report> | null = null;

/**
 * Whether a value is a report. Compiling the schema takes half a second, so the bundles have what comes of it in place of
 * this module (scripts/build.ts); here it is compiled at the first report.
 */
export const reportValidator = (): ValidateFunction<Report> => {
  compiled ??= new Ajv2020(REPORT_VALIDATION).compile<Report>(REPORT_SCHEMA);
  return compiled;
};
