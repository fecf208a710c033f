/** Where a figure lies between well and alarming: a word, never a colour alone. */

import { metric } from "./words.js";

/** Beginning at its figure, on the side that is bad. @param {string} name @param {number} value */
export function bandOf(name, value) {
  const { warning, critical, better } = metric(name);
  const reaches = (/** @type {number | null} */ mark) =>
    mark !== null && mark !== undefined && (better === "high" ? value <= mark : value >= mark);
  return reaches(critical) ? "critical" : reaches(warning) ? "warning" : "normal";
}

/**
 * How a current figure stands: normal, warning, critical; stale when it is old; none when it was
 * never measured; idle when there was nothing to measure.
 *
 * @param {string} name @param {number | null | undefined} value @param {any} meta of the figure
 */
export function standing(name, value, meta) {
  if (!meta?.minute) return "none";
  if (meta.stale) return "stale";
  if (value === null || value === undefined) return "idle";
  return metric(name).warning === null ? "plain" : bandOf(name, value);
}

/** @type {Record<string, string>} */
export const STANDING_WORDS = {
  normal: "Normal", warning: "Warning", critical: "Critical", plain: "", stale: "Out of date",
  none: "Not measured yet", idle: "Nothing to measure",
};
