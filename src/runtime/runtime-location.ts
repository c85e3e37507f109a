/** The version of onnxruntime-node that this release was tested with, and whose files are pinned by hash. */
export const PINNED_RUNTIME_VERSION = '1.30.0';

/** Where a usable onnxruntime-node lies. */
export interface RuntimeLocation {
  /** Absolute path of the package's folder; onnxruntime-common resolves from there. */
  readonly packageFolder: string;
  readonly version: string;
  /** The version is the pinned one. False: results may differ from those of other machines, and are marked so. */
  readonly pinned: boolean;
  readonly origin: 'explicit' | 'package' | 'cache' | 'downloaded';
}
