import manifest from '../../package.json' with { type: 'json' };

/** The version of this package, bundled in. */
export const toolVersion: string = manifest.version;
