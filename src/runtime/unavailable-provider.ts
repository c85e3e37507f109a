/** This build of the runtime has no such execution provider; `available` are those that it has. */
export class UnavailableProvider extends Error {
  readonly provider: string;
  readonly available: readonly string[];

  constructor(provider: string, available: readonly string[]) {
    super(`no provider ${provider}`);
    this.provider = provider;
    this.available = available;
  }
}
