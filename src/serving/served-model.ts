import type { ModelInterface } from '../model/inspection.ts';

/** A model and version that is loaded. */
export interface ServedModel {
  readonly name: string;
  readonly version: string;
  readonly sha256: string | null;
  readonly interface: ModelInterface;
  /** Rows of several requests may go through the session together: by its interface, and tried out when it was loaded. */
  readonly batching: { readonly kind: 'rows' } | { readonly kind: 'none'; readonly reason: string };
}
