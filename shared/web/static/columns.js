/**
 * The figures of a range by column, as GET metrics answers them, and what is read off them.
 *
 * @typedef {{value: (number | null)[], min?: (number | null)[], max?: (number | null)[],
 *   usual?: {score: (number | null)[], low: (number | null)[], high: (number | null)[]}}} Column
 * @typedef {{from: number, to: number, step: number, times: number[], provisionalFrom: number | null,
 *   series: Record<string, Column>}} Columns times in seconds since 1970, `step` in seconds
 */

/** @param {any} historical of GET metrics with format=columns @returns {Columns} */
export function columnsOf({ from, to, stepMinutes, points, provisionalFrom, series }) {
  const [start, end] = [from, to].map(secondsOf);
  const step = stepMinutes * 60;
  const times = Array.from({ length: points }, (_, index) => start + index * step);
  return { from: start, to: end, step, times, provisionalFrom: provisionalFrom ? secondsOf(provisionalFrom) : null, series };
}

const secondsOf = (/** @type {string} */ at) => Date.parse(at) / 1000;

/** Nested objects as dotted names. @returns {[string, any][]} */
export function flat(/** @type {Record<string, any>} */ sample, prefix = "") {
  return Object.entries(sample).flatMap(([name, value]) => {
    if (name === "timestamp") return [];
    return value && typeof value === "object" ? flat(value, `${prefix}${name}.`) : [[prefix + name, value]];
  });
}

/** @param {Columns} columns @param {string} name @returns {(number | null)[]} */
export const valuesOf = (columns, name) => columns.series[name]?.value ?? columns.times.map(() => null);

/** The worst and the best that a step saw: the envelope where there is one, else the value. */
export function extremes(/** @type {Columns} */ columns, /** @type {string} */ name) {
  const column = columns.series[name];
  if (!column) return null;
  const highs = present(column.max ?? column.value);
  const lows = present(column.min ?? column.value);
  if (!highs.length || !lows.length) return null;
  return { low: Math.min(...lows), high: Math.max(...highs) };
}

/** A score from which on a step is worth a word: LEAST of shared/domain/anomalies/listing.py. */
const UNUSUAL = 0.6;

/**
 * Where one of these metrics was unusual, each stretch with its worst score.
 *
 * @param {Columns} columns @param {string[]} names
 * @returns {{name: string, from: number, to: number, score: number}[]} times in seconds
 */
export function unusual({ series, times, step }, names) {
  return names.flatMap((name) => {
    const found = /** @type {any[]} */ ([]);
    series[name]?.usual?.score.forEach((score, index) => {
      if (score === null || score < UNUSUAL) return;
      const [last, from] = [found.at(-1), times[index]];
      if (last?.to === from) Object.assign(last, { to: from + step, score: Math.max(last.score, score) });
      else found.push({ name, from, to: from + step, score });
    });
    return found;
  });
}

/** @param {(number | null)[]} values @returns {number[]} */
export const present = (values) => /** @type {number[]} */ (values.filter((one) => one !== null));

/** @param {(number | null)[]} values */
export function mean(values) {
  const known = present(values);
  return known.length ? known.reduce((sum, one) => sum + one, 0) / known.length : null;
}

/**
 * How the newest quarter of an hour, or the newest quarter of the range, compares with what was
 * before: both means, or null when one has too few figures.
 *
 * @param {Columns} columns @param {string} name
 */
export function trend(columns, name) {
  const values = valuesOf(columns, name);
  const recent = Math.max(Math.min(Math.round(900 / columns.step), Math.floor(values.length / 4)), 1);
  const before = values.slice(0, -recent);
  if (present(before).length < 5) return null;
  const [now, then] = [mean(values.slice(-recent)), mean(before)];
  return now === null || then === null ? null : { now, then, seconds: recent * columns.step };
}
