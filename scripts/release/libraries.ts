import { projectFile, projectFolder, type ReleaseFile, tarball } from './files.ts';

/** The command line as an npm package: what package.json lists, below `package/`. */
export async function npmPackage(): Promise<Buffer> {
  const { files }: { readonly files: readonly string[] } = JSON.parse(
    Buffer.from(projectFile('package.json', '').bytes).toString('utf8'),
  );
  const folders = files.filter(name => !name.includes('.'));
  const single = ['package.json', 'README.md', 'LICENSE', ...files.filter(name => name.includes('.'))];
  return tarball([
    ...single.map(name => projectFile(name, `package/${name}`)),
    ...folders.flatMap(name => projectFolder(name, `package/${name}`)),
  ]);
}

/** What runs the command line with Node alone. */
export const commandLine = (): readonly ReleaseFile[] => [
  // package.json says that dist/*.js are modules.
  projectFile('package.json', 'package.json'),
  projectFile('LICENSE', 'LICENSE'),
  ...projectFolder('dist', 'dist'),
];

/** gitlab/ as a repository of CI/CD components. GitLab takes them from the folder templates/ of a project's root only. */
export const gitLabProject = (): readonly ReleaseFile[] => [
  ...projectFolder('gitlab/templates', 'templates'),
  // A component project needs a README, and its licence has to go with it.
  projectFile('docs/gitlab.md', 'README.md'),
  projectFile('LICENSE', 'LICENSE'),
];

/** jenkins/ as a shared library whose resources hold the command line, which `cli: 'library'` unpacks. */
export const jenkinsLibrary = async (): Promise<readonly ReleaseFile[]> => [
  ...projectFolder('jenkins/vars', 'vars'),
  projectFile('LICENSE', 'LICENSE'),
  { path: 'resources/quickserveml/cli.tgz', bytes: await tarball(commandLine()) },
];
