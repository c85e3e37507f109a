import { code } from './markdown.ts';
import { fieldTable, type Schema } from './schema-tables.ts';

interface RecordSchema extends Schema {
  readonly allOf?: readonly (Schema & { readonly if?: Schema; readonly then?: Schema })[];
}

/** The fields of each kind of record, with those that only events of one kind have. */
export function registryRecords(schemas: Readonly<Record<string, object>>): string {
  return Object.entries(schemas)
    .flatMap(([record, value]) => {
      const { allOf = [], ...schema }: RecordSchema = value;
      const further = allOf.flatMap(({ if: condition, then, ...always }) => {
        const kind = condition?.properties?.['kind']?.const;
        const line = kind === undefined ? 'Where it is there:' : `With \`kind\` ${code(String(kind))} also:`;
        return [line, '', fieldTable(then ?? always), ''];
      });
      return [`### ${record}`, '', fieldTable(schema), '', ...further];
    })
    .join('\n')
    .trimEnd();
}
