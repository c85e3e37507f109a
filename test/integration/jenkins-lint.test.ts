import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { javaHome } from '../support/jenkins-pipeline.ts';
import { lacks, projectRoot } from '../support/requirements.ts';

const vars = join(projectRoot, 'jenkins/vars');
const JARS = ['groovy-all', 'CodeNarc', 'GMetrics', 'log4j-1.2', 'ant'].map(
  name => `/usr/share/java/${name}.jar`,
);
/** A file that has something wrong for several of the rule sets. */
const PLANTED = `import java.util.List

Map call(Map options = [:]) {
    String unused = 'never read'
    try {
        System.exit(1)
    } catch (Throwable anything) {
    }
    if (options.equals(null)) { return null }
    return options;
}
`;

describe.skipIf(lacks('groovy') || lacks('codenarc'))('CodeNarc', () => {
  let folder: string;
  let rulesByFile: ReadonlyMap<string, readonly string[]>;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'codenarc-'));
    const sources = join(folder, 'vars');
    cpSync(vars, sources, { recursive: true });
    mkdirSync(join(folder, 'home'));
    writeFileSync(join(sources, 'planted.groovy'), PLANTED);
    const rules = pathToFileURL(join(projectRoot, 'test/support/groovy/codenarc.xml')).href;
    const found = join(folder, 'found.txt');
    const java = ['-XX:TieredStopAtLevel=1', '-cp', JARS.join(':'), 'org.codenarc.CodeNarc'];
    const options = [`-basedir=${sources}`, '-includes=**/*.groovy', `-rulesetfiles=${rules}`];
    execFileSync(join(javaHome(), 'bin/java'), [...java, ...options, `-report=text:${found}`], {
      env: { HOME: join(folder, 'home') },
      stdio: 'ignore',
      timeout: 180_000,
    });
    const files = readFileSync(found, 'utf8')
      .split(/^File: /m)
      .slice(1);
    rulesByFile = new Map(
      files.map(text => [
        text.slice(0, text.indexOf('\n')).trim(),
        [...text.matchAll(/Rule=(\w+)/g)].map(([, rule = '']) => rule),
      ]),
    );
  }, 240_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('finds what was planted', () => {
    expect(rulesByFile.get('planted.groovy')).toEqual(
      expect.arrayContaining([
        'CatchThrowable',
        'EmptyCatchBlock',
        'SystemExit',
        'UnnecessarySemicolon',
        'UnusedVariable',
      ]),
    );
  });

  it.each(readdirSync(vars).filter(name => name.endsWith('.groovy')))('finds nothing in %s', name => {
    expect(rulesByFile.get(name) ?? []).toEqual([]);
  });
});
