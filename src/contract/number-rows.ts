import { NUMBER_ROWS_CODE } from './number-rows-code.ts';

/** What assembly/number-rows.ts exports. Addresses and lengths are in bytes of its memory. */
interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  textAddress(): number;
  numbersAddress(): number;
  window(): number;
  margin(): number;
  start(): void;
  reserve(): number;
  readRow(from: number, length: number, isLast: number): number;
  count(): number;
  keep(count: number): void;
  exact(): number;
  whole(): number;
  least(): number;
  largest(): number;
}

/** As much of it as is used: Node's types have none. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly host: { parse(begin: number, end: number): number } },
  ) => { readonly exports: unknown };
};

let compiled: object | null = null;

/** What is true of all numbers of an array. */
export interface NumberFacts {
  /** Whether all are what `JSON.parse` gives; else some may be a few units in the last place away, and the same in float32. */
  readonly exact: boolean;
  /** Whether none was written with a fraction or an exponent. */
  readonly whole: boolean;
  readonly least: number;
  readonly largest: number;
}

/**
 * Reads rows of JSON numbers of one text after the other into memory of its own. The text goes through a window, so that its
 * length does not count for that memory.
 */
export class NumberRows {
  readonly #code: Exports;
  readonly #textAddress: number;
  readonly #window: number;
  #memory: Uint8Array<ArrayBuffer>;
  #text: Uint8Array = new Uint8Array(0);
  /** What of the text is in the window. */
  #from = 0;
  #to = 0;

  constructor() {
    compiled ??= new WebAssembly.Module(Buffer.from(NUMBER_ROWS_CODE, 'base64'));
    const parse = (begin: number, end: number): number =>
      Number(Buffer.from(this.#code.memory.buffer, begin, end - begin).toString('latin1'));
    this.#code = new WebAssembly.Instance(compiled, { host: { parse } }).exports as Exports;
    this.#textAddress = this.#code.textAddress();
    this.#window = this.#code.window();
    this.#memory = new Uint8Array(this.#code.memory.buffer);
  }

  /** @param text UTF-8; forgets all numbers of the text before */
  open(text: Uint8Array): void {
    this.#text = text;
    this.#from = 0;
    this.#to = 0;
    this.#code.keep(0);
  }

  close(): void {
    this.#text = new Uint8Array(0);
  }

  startArray(): void {
    this.#code.start();
  }

  /** What is true of the numbers since `startArray`. */
  facts(): NumberFacts {
    const code = this.#code;
    return {
      exact: code.exact() === 1,
      whole: code.whole() === 1,
      least: code.least(),
      largest: code.largest(),
    };
  }

  /** Numbers that were read and are kept. */
  get count(): number {
    return this.#code.count();
  }

  /** Forgets the numbers from the `count`th on. */
  keep(count: number): void {
    this.#code.keep(count);
  }

  /** Numbers from the `from`th on, good until the next text is opened or the next row read. */
  numbers(from: number, count: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#code.memory.buffer, this.#code.numbersAddress() + 8 * from, count);
  }

  /**
   * Reads numbers with commas between them.
   * @returns the place of the first byte of the text that belongs to none; -1: no JSON, or no memory for them
   */
  readRow(start: number): number {
    let at = start;
    for (;;) {
      const isInside = at >= this.#from && at < this.#to;
      if (!isInside && !this.#show(at)) return -1;
      const base = this.#textAddress - this.#from;
      const end = this.#code.readRow(
        base + at,
        this.#to - this.#from,
        this.#to === this.#text.length ? 1 : 0,
      );
      if (end >= 0) return end === 0 ? -1 : end - base;
      at = -end - base;
      // Nothing of what begins here can be read from a full window.
      if (at === this.#from || !this.#show(at)) return -1;
    }
  }

  /** Puts the text from `at` on into the window. @returns false: no memory for what it may hold */
  #show(at: number): boolean {
    if (this.#code.reserve() === 0) return false;
    if (this.#memory.buffer !== this.#code.memory.buffer)
      this.#memory = new Uint8Array(this.#code.memory.buffer);
    const part = this.#text.subarray(at, at + this.#window);
    this.#memory.set(part, this.#textAddress);
    const end = this.#textAddress + part.length;
    this.#memory.fill(0, end, end + this.#code.margin());
    this.#from = at;
    this.#to = at + part.length;
    return true;
  }
}
