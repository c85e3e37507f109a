/** A name is one folder of the registry branch, where it is encoded; file systems end at 255 bytes. */
export const LONGEST_NAME = 180;

/** The length of a model's name on the registry branch: what is not `a-z 0-9 . _ -` takes three bytes. */
export function nameLength(name: string): number {
  return Buffer.byteLength(name) + 2 * name.replaceAll(/[a-z0-9._-]/g, '').length;
}
