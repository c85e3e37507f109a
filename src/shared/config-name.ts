/** The configuration's file, in the root of a repository. */
export const CONFIG_NAME = 'quickserveml.yml';
