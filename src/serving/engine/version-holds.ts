/** Who still needs a version of a model, by the key of its queue. */
export class VersionHolds {
  readonly #counts = new Map<string, number>();

  has(key: string): boolean {
    return this.#counts.has(key);
  }

  /** @returns releases it; to be called once */
  take(key: string): () => void {
    this.#change(key, 1);
    return () => this.#change(key, -1);
  }

  #change(key: string, by: 1 | -1): void {
    const count = (this.#counts.get(key) ?? 0) + by;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
