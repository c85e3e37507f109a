import { isJsonObject } from '../../shared/json-object.ts';
import type { SymbolSize } from '../../shared/nested-array.ts';
import type { NamedTensor } from '../case-value.ts';
import { tensorOfJson } from '../json-tensor.ts';
import type { RecordForm, RecordId, RecordReading } from './record.ts';
import { type RecordText, tooLongMessage } from './record-text.ts';

const idOf = (value: unknown): RecordId | null =>
  isJsonObject(value) && (typeof value['id'] === 'string' || typeof value['id'] === 'number')
    ? value['id']
    : null;

/** `{"inputs": {...}}`, the inputs themselves, or the bare value of the only input. @throws RangeError. */
function tensorsOf(value: unknown, form: RecordForm): readonly NamedTensor[] {
  const [only] = form.inputs;
  const bare = !isJsonObject(value) && form.inputs.length === 1 && only !== undefined;
  const values: unknown = bare
    ? { [only.name]: value }
    : isJsonObject(value) && isJsonObject(value['inputs'])
      ? value['inputs']
      : value;
  if (!isJsonObject(values)) throw new RangeError('it is no object with the inputs of the model');
  const symbols = new Map<string, SymbolSize>();
  return form.inputs.map(info => {
    if (!Object.hasOwn(values, info.name))
      throw new RangeError(`it has no input ${JSON.stringify(info.name)}`);
    return { name: info.name, ...tensorOfJson(values[info.name], info, info.name, symbols) };
  });
}

/** One parsed record, checked against the model. */
export function recordOfJson(value: unknown, form: RecordForm, number: number): RecordReading {
  const id = idOf(value);
  try {
    return { kind: 'record', number, id, tensors: tensorsOf(value, form) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { kind: 'bad', number, id, message: error.message };
  }
}

const instancesOf = (value: unknown): readonly unknown[] | null =>
  isJsonObject(value) && Array.isArray(value['instances']) ? value['instances'] : null;

/** Texts of records as records; `{"instances": [...]}` stands for several. */
export async function* parseJsonRecords(
  texts: AsyncIterable<RecordText>,
  form: RecordForm,
): AsyncGenerator<RecordReading> {
  let number = 0;
  for await (const record of texts) {
    number += 1;
    if (record.kind === 'too-long') {
      yield { kind: 'bad', number, id: null, message: tooLongMessage(record.limitBytes) };
      continue;
    }
    let value: unknown;
    try {
      value = JSON.parse(record.bytes.toString('utf8'));
    } catch {
      // V8 quotes the text, which may be private: only that it is none is said.
      yield { kind: 'bad', number, id: null, message: 'it is not JSON' };
      continue;
    }
    const instances = instancesOf(value);
    if (instances === null) {
      yield recordOfJson(value, form, number);
      continue;
    }
    for (const [place, instance] of instances.entries()) {
      if (place > 0) number += 1;
      yield recordOfJson(instance, form, number);
    }
  }
}
