/** The cards: a figure each, what it means, where it stands, how it moved. */

import { standing, STANDING_WORDS } from "./bands.js";
import { flat, trend, valuesOf } from "./columns.js";
import { spark } from "./spark.js";
import { duration, metric, number, parts, quantity } from "./words.js";
import { h } from "./view.js";

const LARGE = [
  { name: "dtuUtilization", title: "DTU Utilization" },
  { name: "memoryUsage", title: "Memory Usage" },
  { name: "responseTime.avg", title: "Response Time" },
  { name: "activeUsers", title: "Active Users", tone: "blue" },
];
const SMALL = [
  { name: "cpuUtilization", title: "CPU" },
  { name: "errorRate", title: "Error rate" },
  { name: "availability", title: "Availability" },
  { name: "storagePercent", title: "Storage" },
  { name: "connectionCount", title: "Connections" },
];
const STEADY = 0.05;

/** @param {any} board the newest answer */
export function cards(board) {
  const current = Object.fromEntries(flat(board.data.current));
  const show = (/** @type {any} */ one, /** @type {string} */ size) => card(one, size, current[one.name], board);
  return h("section", { class: "cards", "aria-labelledby": "cards-title" },
    h("h2", { id: "cards-title", class: "hush" }, "Key figures"),
    LARGE.map((one) => show(one, "large")),
    SMALL.map((one) => show(one, "small")));
}

function card(/** @type {any} */ { name, title, tone }, /** @type {string} */ size, /** @type {any} */ value, /** @type {any} */ board) {
  const state = standing(name, value, board.data.currentMeta.metrics[name]);
  const { unit, warning, critical } = metric(name);
  const [figure, shown] = parts(value, unit);
  const values = valuesOf(board.columns, name);
  return h("article", { class: `card ${size} is-${state} ${tone ?? ""}`, key: name },
    h("header", null, h("h3", null, title), STANDING_WORDS[state] && h("span", { class: "standing" }, STANDING_WORDS[state])),
    h("p", { class: "figure" }, h("b", null, figure), " ", h("span", null, shown), inFull(name, board)),
    size === "large" && warning !== null && bar(name, value),
    h("p", { class: "trend" }, moved(board.columns, name)),
    spark(values, { top: topOf(name), mark: size === "large" ? warning ?? critical : null }));
}

/** Storage also says how much that is. */
function inFull(/** @type {string} */ name, /** @type {any} */ board) {
  if (name !== "storagePercent") return null;
  const { storageUsage } = board.data.current;
  return storageUsage !== null && h("small", null, ` ${quantity(storageUsage, "GB")} of ${quantity(metric("storageUsage").limit, "GB")}`);
}

/** The whole scale with marks where warning and critical begin. */
function bar(/** @type {string} */ name, /** @type {any} */ value) {
  const { warning, critical, limit, unit } = metric(name);
  const top = limit ?? critical * 1.4;
  const share = (/** @type {number} */ one) => `${Math.min((one / top) * 100, 100).toFixed(2)}%`;
  const marks = `warning from ${quantity(warning, unit)}, critical from ${quantity(critical, unit)}`;
  return h("div", { class: "bar", role: "img", "aria-label": `${quantity(value, unit)} of ${quantity(top, unit)}; ${marks}` },
    h("i", { class: "fill", style: { width: share(value ?? 0) } }),
    h("i", { class: "tick", style: { left: share(warning) } }),
    h("i", { class: "tick critical", style: { left: share(critical) } }),
    h("span", { style: { left: share(warning) }, "aria-hidden": "true" }, number(warning)),
    h("span", { style: { left: `min(${share(critical)}, 100% - 1.4em)` }, "aria-hidden": "true" }, number(critical)));
}

/** What the last minutes' mean is against the mean before, in figures. */
function moved(/** @type {any} */ columns, /** @type {string} */ name) {
  const found = trend(columns, name);
  const { unit } = metric(name);
  if (!found) return "no trend yet";
  const { now, then } = found;
  const change = (now - then) / Math.max(Math.abs(then), 1e-9);
  const isSteady = Math.abs(now - then) < 0.05 || Math.abs(change) < STEADY;
  const sign = isSteady ? "→" : now > then ? "▲" : "▼";
  const word = isSteady ? "steady" : now > then ? "up" : "down";
  const span = `mean of the last ${duration(found.seconds)} against the range before`;
  return [
    h("span", { class: "sign", "aria-hidden": "true" }, sign), ` ${word} `,
    h("span", { title: span }, isSteady ? `at ${quantity(now, unit)}` : `${quantity(then, unit)} → ${quantity(now, unit)}`),
  ];
}

/** What fills the height of a sparkline at least, so that a calm line lies low. */
function topOf(/** @type {string} */ name) {
  const { limit, critical, better } = metric(name);
  if (better === "high") return limit ?? 0;
  return name === "connectionCount" ? 20 : critical ?? limit ?? 0;
}
