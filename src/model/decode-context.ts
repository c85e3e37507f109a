import { quoteName } from '../shared/terminal-text.ts';
import type { ReaderLimits } from './limits.ts';
import type { MetadataEntry, OpsetImport } from './model.ts';
import { OPERATOR_SET_ID, STRING_STRING_ENTRY } from './onnx-schema.ts';
import type { ProblemLog } from './problem-log.ts';
import type { WireReader } from './wire-reader.ts';

/** What every decoder needs. */
export interface DecodeContext {
  readonly reader: WireReader;
  readonly problems: ProblemLog;
  readonly limits: ReaderLimits;
}

/** The current value as text for people; says so where it had to be mended. */
export function decodeText(context: DecodeContext, what: string): string {
  const { value, isUtf8, isCut } = context.reader.text();
  if (!isUtf8) {
    context.problems.add({
      code: 'MODEL_TEXT_ENCODING',
      severity: 'warning',
      message: `${what} is not valid UTF-8; what could not be read is shown as \ufffd.`,
      hint: 'Python refuses such a file. Write the text again as UTF-8.',
    });
  }
  if (isCut) {
    context.problems.add({
      code: 'MODEL_TEXT_CUT',
      severity: 'info',
      message: `${what} is longer than ${context.limits.textBytes} bytes and is shown cut.`,
      hint: 'Large data does not belong into documentation and metadata.',
    });
  }
  return value;
}

/** Decodes the current value as StringStringEntryProto: a key, and a value for people. */
export function decodeEntry(context: DecodeContext, what: string): MetadataEntry {
  const { reader } = context;
  let key = '';
  let value = '';
  reader.enter(STRING_STRING_ENTRY.name);
  for (let field = reader.next(STRING_STRING_ENTRY); field; field = reader.next(STRING_STRING_ENTRY)) {
    if (field === 'key') key = decodeText(context, `A key of ${what}`);
    else value = decodeText(context, `The value ${quoteName(key)} of ${what}`);
  }
  return { key, value };
}

/** Decodes the current value as OperatorSetIdProto and appends it to `opsets`. */
export function decodeOpset(context: DecodeContext, opsets: OpsetImport[]): void {
  const { reader, limits } = context;
  if (opsets.length >= limits.opsets) {
    throw reader.limitError(`more than ${limits.opsets} operator sets are imported`);
  }
  let domain = '';
  let version = 0;
  reader.enter(OPERATOR_SET_ID.name);
  for (let field = reader.next(OPERATOR_SET_ID); field; field = reader.next(OPERATOR_SET_ID)) {
    if (field === 'domain') domain = reader.name();
    else version = reader.int();
  }
  opsets.push({ domain, version });
}

/** Decodes the current value as dims: one element, or a packed list of them, appended to `dims`. */
export function decodeDims(context: DecodeContext, dims: number[]): void {
  const { reader, limits } = context;
  const take = (): void => {
    if (dims.length >= limits.rank) {
      throw reader.limitError(`a tensor has more than ${limits.rank} dimensions`);
    }
    dims.push(reader.int());
  };
  if (reader.isPacked) reader.forEachPackedVarint(take);
  else take();
}
