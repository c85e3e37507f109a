import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { instrumentsOf } from '../../../src/serving/watching/instruments.ts';
import { lacks, projectRoot } from '../../support/requirements.ts';
import { servedOf, servingWorld, snapshotOf } from '../../support/serving-doubles.ts';

const folder = join(projectRoot, 'docs/monitoring');

interface Panel {
  readonly id: number;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly definition?: string }[] };
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly expr: string }[] }[];
}

const dashboard = JSON.parse(readFileSync(join(folder, 'grafana-dashboard.json'), 'utf8')) as Dashboard;
const rules = parse(readFileSync(join(folder, 'alerts.yml'), 'utf8')) as Rules;
const panelQueries = dashboard.panels.flatMap(panel => panel.targets.map(({ expr }) => expr));
const queries = [
  ...panelQueries,
  ...dashboard.templating.list.flatMap(({ definition }) => definition ?? []),
  ...rules.groups.flatMap(group => group.rules.map(({ expr }) => expr)),
];

/** Names of metrics as a server says them, with the labels that each can have. */
async function servedMetrics(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const { metrics } = instrumentsOf({ snapshot: () => snapshotOf() }, servingWorld().world);
  metrics.served(servedOf({ status: 503 }));
  metrics.happened({ kind: 'worker-ended', worker: 0, reason: 'x', requests: 0, expected: false });
  metrics.happened({ kind: 'model-failed', model: 'digits', version: '1', reason: 'x' });
  metrics.routed('digits', '1');
  metrics.compared('digits', '1', '2', 'same');
  const found = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of (await metrics.registry.metrics()).matchAll(
    /^([a-z_0-9]+)(?:\{(.*)\})? /gm,
  )) {
    const known = found.get(name) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    found.set(name, known);
  }
  return found;
}

const usedIn = (query: string): readonly string[] =>
  [...query.matchAll(/\b(?:quickserveml|process|nodejs)_[a-z_0-9]+/g)].map(([name]) => name);

describe('docs/monitoring', () => {
  it('uses only metrics that the server has', async () => {
    const served = await servedMetrics();
    const used = [...new Set(queries.flatMap(usedIn))];
    expect(used.length).toBeGreaterThan(20);
    expect(used.filter(name => !served.has(name))).toEqual([]);
  });

  it('selects and groups only by labels that the metrics have', async () => {
    const served = await servedMetrics();
    const wrong = queries.flatMap(query => {
      const known = new Set([
        'instance',
        'le',
        ...usedIn(query).flatMap(name => [...(served.get(name) ?? [])]),
      ]);
      const grouped = [...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(','));
      const selected = [...query.matchAll(/[{,]\s*(\w+)\s*(?:=~|!=|=)/g)].map(([, label = '']) => label);
      return [...grouped, ...selected]
        .map(label => label.trim())
        .filter(label => label !== '' && !known.has(label))
        .map(label => `${label} in ${query}`);
    });
    expect(wrong).toEqual([]);
  });

  it('shows every metric of its own somewhere, but for a few that only logs of changes want', async () => {
    const used = new Set(queries.flatMap(usedIn).map(name => name.replace(/_(bucket|sum|count)$/, '')));
    const own = [...(await servedMetrics()).keys()]
      .filter(name => name.startsWith('quickserveml_'))
      .map(name => name.replace(/_(bucket|sum|count)$/, ''));
    expect([...new Set(own)].filter(name => !used.has(name)).sort()).toEqual([
      'quickserveml_http_body_bytes_total',
      'quickserveml_info',
      'quickserveml_trace_spans_exported_total',
    ]);
  });

  it('has panels of different numbers that do not lie on each other', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });

  describe.skipIf(lacks('promtool'))('by promtool', () => {
    const promtool = (args: readonly string[]) =>
      spawnSync('promtool', [...args], { cwd: folder, encoding: 'utf8' });

    it('has rules without a mistake', () => {
      const { status, stdout, stderr } = promtool(['check', 'rules', 'alerts.yml']);
      expect(stderr + stdout).toContain('SUCCESS');
      expect(status).toBe(0);
    });

    it('has alerts that fire in trouble, and only then', () => {
      const { status, stdout, stderr } = promtool(['test', 'rules', 'alerts.test.yml']);
      expect(stdout + stderr).toContain('SUCCESS');
      expect(status).toBe(0);
    });

    it('has queries in the dashboard that Prometheus can read', () => {
      const rule = (expr: string, index: number) => ({
        record: `panel:query_${index}`,
        expr: expr.replaceAll('$__rate_interval', '5m').replace(/\$(instance|model)\b/g, '.*'),
      });
      const scratch = mkdtempSync(join(tmpdir(), 'quickserveml-panels-'));
      try {
        const file = join(scratch, 'panels.json');
        writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules: panelQueries.map(rule) }] }));
        const { status, stdout, stderr } = promtool(['check', 'rules', file]);
        expect(stdout + stderr).toContain(`SUCCESS: ${panelQueries.length} rules found`);
        expect(status).toBe(0);
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    });
  });
});
