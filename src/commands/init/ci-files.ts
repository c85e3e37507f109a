import { isMap, isScalar, isSeq, parseDocument } from 'yaml';

/** The CIs that `init` can write for. */
export type InitPlatform = 'github' | 'gitlab' | 'jenkins';

export interface CiFile {
  readonly path: string;
  /** null: the file that is there has to be changed by hand, by `lines`. */
  readonly text: string | null;
  /** What the file has to hold, for people. */
  readonly lines: string;
}

/** .github/workflows/models.yml: the check on pull requests and on pushes to the default branch. */
export function gitHubWorkflow(defaultBranch: string, usesLfs: boolean): string {
  const lfs = usesLfs ? '        with:\n          lfs: true\n' : '';
  return `# Checks every model that a pull request changes, and records versions on the default branch.
# Copy to .github/workflows/models.yml.
name: Models
on:
  pull_request:
    # A label such as accept-slower:digits takes effect without a new commit.
    types: [opened, synchronize, reopened, labeled, unlabeled]
  push:
    branches: [${defaultBranch}]

permissions:
  contents: write # the registry branch; \`read\` is enough with \`record: never\`
  pull-requests: write # the comment, and reading labels
  checks: write # a check run with annotations on the models; \`statuses: write\` for a status only; or neither

# A newer commit of a pull request replaces a check that still runs; checks of the default branch all finish.
concurrency:
  group: models-\${{ github.ref }}
  cancel-in-progress: \${{ github.event_name == 'pull_request' }}

jobs:
  check:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
${lfs}      - uses: quickserveml/quickserveml@v0
        id: models
      - uses: actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2
        if: always()
        with:
          name: quickserveml-report
          path: quickserveml-report
`;
}

const GITLAB_INCLUDE = {
  project: 'quickserveml/quickserveml',
  file: 'gitlab/templates/check.yml',
  ref: 'v0',
};
const GITLAB_LINES = `include:
  - project: ${GITLAB_INCLUDE.project}
    file: ${GITLAB_INCLUDE.file}
    ref: ${GITLAB_INCLUDE.ref}
`;

/**
 * .gitlab-ci.yml with the component included.
 * @param existing the file as it is, null where there is none
 */
function gitLabPipeline(existing: string | null): string | null {
  if (existing === null) return GITLAB_LINES;
  const document = parseDocument(existing);
  if (document.errors.length > 0 || !(document.contents === null || isMap(document.contents))) return null;
  const include = document.get('include', true);
  const included = document.createNode(GITLAB_INCLUDE);
  if (include === undefined) document.set('include', document.createNode([GITLAB_INCLUDE]));
  else if (isSeq(include)) include.add(included);
  else if (isMap(include) || isScalar(include)) {
    document.set('include', document.createNode([include.toJSON(), GITLAB_INCLUDE]));
  } else return null;
  return document.toString();
}

const JENKINS_STEP = `quickservemlCheck(credentialsId: 'api-token', commentAuthor: 'my-app[bot]')`;
const JENKINSFILE = `@Library('quickserveml') _
pipeline {
    agent { label 'linux' }
    stages {
        stage('Models') {
            steps {
                ${JENKINS_STEP}
            }
        }
    }
}
`;

export interface CiFacts {
  readonly platform: InitPlatform;
  readonly defaultBranch: string;
  readonly usesLfs: boolean;
  /** Text of a file of the repository, null where it does not exist. */
  readonly read: (path: string) => string | null;
}

/** The one file that brings the check into a CI; null where the CI has it already. */
export function planCiFile(facts: CiFacts): CiFile | null {
  switch (facts.platform) {
    case 'github': {
      const path = '.github/workflows/models.yml';
      const text = gitHubWorkflow(facts.defaultBranch, facts.usesLfs);
      const existing = facts.read(path);
      if (existing === null) return { path, text, lines: text };
      return existing.includes('quickserveml/quickserveml@')
        ? null
        : { path: '.github/workflows/quickserveml.yml', text, lines: text };
    }
    case 'gitlab': {
      const path = '.gitlab-ci.yml';
      const existing = facts.read(path);
      if (existing?.includes(GITLAB_INCLUDE.file) === true) return null;
      return { path, text: gitLabPipeline(existing), lines: GITLAB_LINES };
    }
    case 'jenkins': {
      const path = 'Jenkinsfile';
      const existing = facts.read(path);
      if (existing?.includes('quickservemlCheck') === true) return null;
      // A program is not edited by a tool that does not understand it.
      return existing === null
        ? { path, text: JENKINSFILE, lines: JENKINSFILE }
        : { path, text: null, lines: `@Library('quickserveml') _\n${JENKINS_STEP}\n` };
    }
  }
}

/** Which CI a repository has, from its files and where it is hosted; null where neither says. */
export function detectPlatform(files: readonly string[], remoteUrl: string | null): InitPlatform | null {
  if (files.some(path => path.startsWith('.github/workflows/'))) return 'github';
  if (files.includes('.gitlab-ci.yml')) return 'gitlab';
  if (files.includes('Jenkinsfile')) return 'jenkins';
  if (remoteUrl === null) return null;
  if (/(^|[@/.])github\./iu.test(remoteUrl)) return 'github';
  return /(^|[@/.])gitlab\./iu.test(remoteUrl) ? 'gitlab' : null;
}
