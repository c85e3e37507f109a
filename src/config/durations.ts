/** What a duration looks like in the configuration, also the `pattern` of the JSON Schema. */
export const DURATION_PATTERN = '^(\\d+(?:\\.\\d+)?) ?(us|µs|ms|s|min|h)$';

const MILLISECONDS: Readonly<Record<string, number>> = {
  us: 0.001,
  µs: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
};

/** `30s`, `3ms`, `250us`, `2min`, `1h` in milliseconds; null where the text is not a duration. */
export function parseDuration(text: string): number | null {
  const [, digits, unit] = new RegExp(DURATION_PATTERN).exec(text) ?? [];
  const factor = unit === undefined ? undefined : MILLISECONDS[unit];
  if (digits === undefined || factor === undefined) return null;
  const durationMs = roundOff(Number(digits) * factor);
  return Number.isFinite(durationMs) ? durationMs : null;
}

/** Milliseconds in the largest unit that needs no more than three decimals: 30000 is `30s`, 0.25 is `250us`. */
export function formatDuration(durationMs: number): string {
  for (const unit of ['h', 'min', 's', 'ms'] as const) {
    const factor = MILLISECONDS[unit];
    if (factor !== undefined && durationMs >= factor && Number.isInteger(durationMs / factor)) {
      return `${durationMs / factor}${unit}`;
    }
  }
  if (durationMs === 0) return '0s';
  if (durationMs >= 1000) return `${roundOff(durationMs / 1000)}s`;
  return durationMs >= 1 ? `${roundOff(durationMs)}ms` : `${roundOff(durationMs * 1000)}us`;
}

/** Takes away what binary floating point adds: 0.3 * 0.001 is 0.0003. */
function roundOff(value: number): number {
  return Number(value.toPrecision(12));
}
