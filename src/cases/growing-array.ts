type Growable = Float64Array | Float32Array | Int32Array;

/** Numbers of which it is not known how many come; grows by doubling. */
export class GrowingArray<T extends Growable> {
  readonly #make: (length: number) => T;
  #values: T;
  #length = 0;

  constructor(make: (length: number) => T) {
    this.#make = make;
    this.#values = make(1024);
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const next = this.#make(this.#length * 2);
      next.set(this.#values);
      this.#values = next;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  get length(): number {
    return this.#length;
  }

  /** A view of what was pushed so far. */
  get values(): T {
    return this.#values.subarray(0, this.#length) as T;
  }
}
