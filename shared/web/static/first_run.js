/** The first minutes: what is connected, what is not, and what comes next. */

import catalog from "./catalog.js";
import { h } from "./view.js";
import { capital } from "./words.js";

/** Whether nothing was ever measured. @param {any} board */
export const isFirstRun = (board) =>
  Object.values(board.data.currentMeta.metrics).every((/** @type {any} */ one) => !one.minute);

/** @param {any} state */
export function firstRun(state) {
  const { currentMeta: { sources }, lastUpdated } = state.board.data;
  return h("section", { class: "first-run", "aria-labelledby": "first-title" },
    h("h2", { id: "first-title" }, "Nothing was measured yet"),
    h("p", null, "Figures appear here with the first minute that a source answers. This is what the monitor knows of its surroundings:"),
    h("ul", { class: "connections" }, Object.keys(catalog.sources).map((name) => connection(name, sources[name], lastUpdated !== null))),
    warnings(state.health));
}

function connection(/** @type {string} */ name, /** @type {any} */ source, /** @type {boolean} */ hasBegun) {
  const [kind, word] = source?.coveredUntil ? ["normal", "answers"]
    : source?.askedAt ? ["warning", "asked, no answer yet"]
    : hasBegun ? ["none", "not connected"] : ["idle", "not asked yet"];
  return h("li", { key: name, class: `is-${kind}` },
    h("b", null, name), h("span", { class: "standing" }, word), h("small", null, catalog.sources[name]));
}

/** What health says is lacking, in its own sentences. @param {any} health */
export function warnings(health) {
  if (!health?.warnings.length) return null;
  return h("div", { class: "warnings" },
    h("h3", null, "What is lacking"),
    h("ul", null, health.warnings.map((/** @type {string} */ one) => h("li", { key: one }, `${capital(one)}.`))));
}
