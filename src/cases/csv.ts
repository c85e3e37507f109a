/**
 * Splits CSV text (RFC 4180) into records as it comes in; quoted fields may hold commas, quotes and line ends. Feed pieces in
 * order, then call `end`. @throws RangeError where a quote is never closed or a record is absurdly long.
 */
export class CsvSplitter {
  readonly #separator: string;
  #field = '';
  #record: string[] = [];
  #quoted = false;
  #afterQuote = false;
  /** How much of the field stood in quotes so far; what is after the quote is not part of it. */
  #quotedLength = 0;
  #length = 0;
  #started = false;

  constructor(separator = ',') {
    this.#separator = separator;
  }

  push(piece: string): readonly (readonly string[])[] {
    const records: (readonly string[])[] = [];
    let text = piece;
    if (!this.#started && text.length > 0) {
      this.#started = true;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    let plainFrom = 0;
    for (let index = 0; index < text.length; index++) {
      const character = text[index];
      if (this.#quoted) {
        if (character !== '"') continue;
        this.#field += text.slice(plainFrom, index);
        plainFrom = index + 1;
        this.#quoted = false;
        this.#afterQuote = true;
        this.#quotedLength = this.#field.length;
        continue;
      }
      if (character === '"') {
        this.#field += text.slice(plainFrom, index);
        plainFrom = index + 1;
        // A doubled quote inside a quoted field is one quote.
        if (this.#afterQuote) this.#field += '"';
        else if (this.#field.trim() !== '') throw new RangeError('has a quote inside an unquoted field');
        this.#quoted = true;
        this.#afterQuote = false;
        continue;
      }
      if (character === this.#separator || character === '\n') {
        this.#field += text.slice(plainFrom, index);
        plainFrom = index + 1;
        this.#endField(character === '\n');
        if (character === '\n') this.#endRecord(records);
      }
      this.#afterQuote = false;
    }
    this.#field += text.slice(plainFrom);
    this.#length += text.length;
    if (this.#length > 268_435_456) throw new RangeError('has a record of more than 256 MiB');
    if (records.length > 0) this.#length = this.#field.length;
    return records;
  }

  end(): readonly (readonly string[])[] {
    if (this.#quoted) throw new RangeError('has a quote that is never closed');
    const records: (readonly string[])[] = [];
    if (this.#field !== '' || this.#record.length > 0) {
      this.#endField(true);
      this.#endRecord(records);
    }
    return records;
  }

  #endField(endsRecord: boolean): void {
    const lineEnd = endsRecord && this.#field.length > this.#quotedLength && this.#field.endsWith('\r');
    this.#record.push(lineEnd ? this.#field.slice(0, -1) : this.#field);
    this.#field = '';
    this.#quotedLength = 0;
  }

  #endRecord(records: (readonly string[])[]): void {
    const record = this.#record;
    this.#record = [];
    if (record.length > 1 || record[0] !== '') records.push(record);
  }
}

/** All records of a text. @throws RangeError. */
export function parseCsv(text: string): readonly (readonly string[])[] {
  const splitter = new CsvSplitter();
  return [...splitter.push(text), ...splitter.end()];
}

/** One record as CSV text, quoted where it must be. */
export const csvRecord = (fields: readonly string[]): string =>
  `${fields.map(field => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')}\n`;
