import { code } from './markdown.ts';
import { fieldTable, type Schema } from './schema-tables.ts';

interface RecordSchema extends Schema {
  readonly allOf?: readonly { readonly if: Schema; readonly then: Schema }[];
}

/** The fields of each kind of record, with those that only events of one kind have. */
export function registryRecords(schemas: Readonly<Record<string, object>>): string {
  return Object.entries(schemas)
    .flatMap(([record, value]) => {
      const { allOf = [], ...schema }: RecordSchema = value;
      const further = allOf.flatMap(({ if: condition, then }) => [
        `With \`kind\` ${code(String(condition.properties?.['kind']?.const))} also:`,
        '',
        fieldTable(then),
        '',
      ]);
      return [`### ${record}`, '', fieldTable(schema), '', ...further];
    })
    .join('\n')
    .trimEnd();
}
