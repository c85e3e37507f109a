import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { REPORT_SCHEMA } from '../src/report/report-schema.ts';

/** Writes schemas/report.schema.json; test/unit/report/report-schema.test.ts fails where it is not up to date. */
const target = resolve(import.meta.dirname, '../schemas/report.schema.json');
writeFileSync(target, `${JSON.stringify(REPORT_SCHEMA, null, 2)}\n`);
