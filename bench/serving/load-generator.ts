import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

/** What wrk saw. */
export interface LoadResult {
  /** Answers with 200 a second. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Connections and reads that failed, and time-outs. */
  readonly errors: number;
  /** Of all processors: over a half, the load was no load any more. */
  readonly cpuShare: number;
}

const SCRIPT = `
local counts = {}
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args)
  local file = io.open(args[1], "rb")
  wrk.body = file:read("*a")
  file:close()
  wrk.method = "POST"
  wrk.headers["content-type"] = "application/json"
  statuses = {}
  seen = ""
end
function response(status)
  statuses[status] = (statuses[status] or 0) + 1
  local parts = {}
  for code, count in pairs(statuses) do parts[#parts + 1] = code .. "=" .. count end
  seen = table.concat(parts, ",")
end
function done(summary, latency)
  local all = {}
  for _, thread in ipairs(threads) do all[#all + 1] = thread:get("seen") end
  io.write(string.format("RESULT %d %d %d %d %s\\n", summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, table.concat(all, ",")))
end
`;

/** Clock ticks of Linux, which /proc counts in. */
const TICKS_PER_SECOND = 100;

function cpuSeconds(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}

/** Posts a file again and again over so many connections. @throws Error where wrk is not there or fails. */
export async function generateLoad(options: {
  readonly url: string;
  readonly payload: string;
  readonly connections: number;
  readonly seconds: number;
  readonly folder: string;
}): Promise<LoadResult> {
  const script = join(options.folder, 'post.lua');
  writeFileSync(script, SCRIPT);
  const args = [
    ...['-t1', `-c${options.connections}`, `-d${options.seconds}s`, '--timeout', '15s'],
    ...['-s', script, options.url, '--', options.payload],
  ];
  const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  let used = 0;
  const look = setInterval(() => {
    used = cpuSeconds(child.pid ?? 0) ?? used;
  }, 100);
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  clearInterval(look);
  const [, duration, p50, p99, errors, statuses = ''] =
    /RESULT (\d+) (\d+) (\d+) (\d+) (\S*)/.exec(text) ?? [];
  if (duration === undefined) throw new Error(`wrk said nothing that is understood: ${text}`);
  const counts: Record<string, number> = {};
  for (const part of statuses.split(',')) {
    const [status = '', count = '0'] = part.split('=');
    if (status !== '') counts[status] = (counts[status] ?? 0) + Number(count);
  }
  const { '200': answered = 0, ...refused } = counts;
  const seconds = Number(duration) / 1e6;
  return {
    perSecond: answered / seconds,
    p50Ms: Number(p50) / 1000,
    p99Ms: Number(p99) / 1000,
    refused,
    errors: Number(errors),
    cpuShare: used / (seconds * cpus().length),
  };
}
