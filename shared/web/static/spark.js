/** A small line without axes, as wide as its place; gaps stay gaps. */

import { h } from "./view.js";
import { present } from "./columns.js";

const WIDTH = 120;
const HEIGHT = 32;

/** @param {(number | null)[]} values @param {{top?: number, mark?: number | null}} [scale] */
export function spark(values, { top = 0, mark = null } = {}) {
  const known = present(values);
  const highest = Math.max(...known, top, 1e-9);
  const y = (/** @type {number} */ value) => HEIGHT - 1.5 - (value / highest) * (HEIGHT - 3);
  const x = (/** @type {number} */ index) => (index / Math.max(values.length - 1, 1)) * WIDTH;
  const shape = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true", class: "spark" };
  const runs = runsOf(values);
  const line = runs.map((run) => run.map(([at, value], index) => `${index ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("")).join("");
  const area = runs.map((run) => areaOf(run, x, y)).join("");
  const isMarked = mark !== null && mark <= highest;
  return h("svg", shape,
    h("path", { class: "area", d: area || "M0 0" }),
    isMarked && h("path", { class: "mark", d: `M0 ${y(/** @type {number} */ (mark)).toFixed(1)}H${WIDTH}` }),
    h("path", { class: "line", d: line || "M0 0" }));
}

/** @returns {[number, number][][]} stretches without a gap; a figure alone gets some width */
function runsOf(/** @type {(number | null)[]} */ values) {
  const runs = /** @type {[number, number][][]} */ ([]);
  values.forEach((value, at) => {
    if (value === null) return;
    const goesOn = at > 0 && values[at - 1] !== null;
    if (goesOn) runs.at(-1)?.push([at, value]);
    else runs.push([[at, value]]);
  });
  return runs.map((run) => (run.length > 1 ? run : [run[0], [run[0][0] + 0.4, run[0][1]]]));
}

function areaOf(/** @type {[number, number][]} */ run, /** @type {any} */ x, /** @type {any} */ y) {
  const points = run.map(([at, value]) => `L${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  return `M${x(run[0][0]).toFixed(1)} ${HEIGHT}${points}L${x(run[run.length - 1][0]).toFixed(1)} ${HEIGHT}Z`;
}
