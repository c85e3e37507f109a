import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from './requirements.ts';

/** Whoever runs the tests as root has them run the product as nobody. */
export const unprivilegedUser: { readonly uid: number; readonly gid: number } | null =
  process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : null;

/** Where the runtime is on this machine, for runs that must not download it. */
export const runtimePath = join(projectRoot, 'node_modules/onnxruntime-node');

/** The product as it is delivered: action.yml and dist/, no node_modules, a path with spaces, nothing writable. */
export interface InstalledCopy extends Disposable {
  readonly folder: string;
  readonly cli: string;
}

export function installCopy(): InstalledCopy {
  const outer = realpathSync(mkdtempSync(join(tmpdir(), 'quickserveml copy ')));
  const folder = join(outer, 'the action');
  cpSync(join(projectRoot, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(projectRoot, 'action.yml'), join(folder, 'action.yml'));
  execFileSync('chmod', ['-R', 'a=rX', outer]);
  return {
    folder,
    cli: join(folder, 'dist/cli.js'),
    [Symbol.dispose]: () => {
      execFileSync('chmod', ['-R', 'u+w', outer]);
      rmSync(outer, { recursive: true, force: true });
    },
  };
}

/** Gives a folder and all in it to the user that the product runs as. */
export function handOver(folder: string): void {
  if (unprivilegedUser === null) return;
  execFileSync('chown', ['-R', `${unprivilegedUser.uid}:${unprivilegedUser.gid}`, folder]);
}

/** Takes a folder back that was handed over: git refuses to work in what another user owns. */
export function takeBack(folder: string): void {
  if (unprivilegedUser !== null) execFileSync('chown', ['-R', '0:0', folder]);
}
