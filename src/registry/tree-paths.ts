/** Paths in the branch's tree: segments joined by slashes; its top is the empty path. */

export const splitPath = (path: string): string[] => (path === '' ? [] : path.split('/'));

export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
