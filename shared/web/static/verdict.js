/** How it stands, in one sentence; what stands out; and how old what we know is. */

import catalog from "./catalog.js";
import { flat } from "./columns.js";
import { foreseen, judged } from "./conditions.js";
import { between, exactly, moment } from "./times.js";
import { h } from "./view.js";
import { capital, counted, duration, metric, quantity, whole } from "./words.js";

const WORDS = { healthy: "Healthy", degraded: "Degraded", critical: "Critical", unknown: "Unknown" };
const MARKS = {
  healthy: "M9 16.5l5 5L23.5 11",
  degraded: "M16 9v9M16 22.8v.2",
  critical: "M10.5 10.5l11 11M21.5 10.5l-11 11",
  unknown: "M12.5 12.5c0-5 7-5 7-.5 0 3-3.5 3-3.5 6M16 22.8v.2",
};
const SHAPES = {
  healthy: "M16 2a14 14 0 1 0 .01 0z",
  degraded: "M16 3L31 29H1z",
  critical: "M10 2h12l8 8v12l-8 8H10l-8-8V10z",
  unknown: "M16 1l15 15-15 15L1 16z",
};
const CALM = ["dtuUtilization", "memoryUsage", "responseTime.avg"];

/** @param {any} state @param {any} act */
export function verdict(state, act) {
  const { data } = state.board;
  const sentence = sentenceOf(state.board, state.now);
  const silent = Object.values(data.currentMeta.sources).filter((/** @type {any} */ one) => one.stale && one.askedAt).length;
  return h("section", { class: `verdict is-${data.systemStatus}`, "aria-label": "How it stands" },
    mark(data.systemStatus),
    h("div", { class: "said" },
      h("p", { class: "sentence" }, sentence),
      h("ul", { class: "insights" }, beside(data.insights, sentence).map((one) => h("li", { key: one }, whole(capital(one)))))),
    h("details", { class: "ages", open: state.open.has("ages"), ontoggle: act.toggled("ages") },
      h("summary", null, h("span", null, "Data"), " ", newestAge(data, state.now),
        silent > 0 && h("em", null, ` · ${counted(silent, "source")} silent`)),
      ages(data, state.now)));
}

/** What the sentence does not say already. */
function beside(/** @type {string[]} */ insights, /** @type {string} */ sentence) {
  const plain = sentence.replaceAll("\u00a0", " ");
  return insights.filter((one) => !plain.includes(one.replaceAll("\u00a0", " ").split(" for ")[0]));
}

/** A shape and a colour for each status; the sentence says it in a word. */
function mark(/** @type {keyof typeof WORDS} */ status) {
  return h("svg", { class: "status-mark", viewBox: "0 0 32 32", role: "img", "aria-label": `Status: ${WORDS[status]}` },
    h("path", { class: "shape", d: SHAPES[status] }),
    h("path", { class: "sign", d: MARKS[status] }));
}

/** "Degraded: DTU 97 % for 6 min; 1 critical, 1 medium". */
export function sentenceOf(/** @type {any} */ { data }, /** @type {Date} */ now) {
  const word = WORDS[/** @type {keyof typeof WORDS} */ (data.systemStatus)] ?? data.systemStatus;
  const worst = [...data.alerts].sort(bySeverity)[0];
  if (worst) return `${word}: ${about(worst, data, now)}; ${tally(data.alerts)}`;
  const [reason] = data.currentMeta.systemStatusReasons;
  return data.systemStatus === "healthy" ? `${word}: ${calm(data)}` : `${word}: ${whole(reason ?? "no source of the core figures is fresh")}`;
}

/** The worst first. */
export function bySeverity(/** @type {any} */ one, /** @type {any} */ other) {
  const rank = (/** @type {any} */ alert) => catalog.severities.indexOf(alert.severity);
  return rank(other) - rank(one) || Date.parse(other.activeAt) - Date.parse(one.activeAt);
}

function about(/** @type {any} */ alert, /** @type {any} */ data, /** @type {Date} */ now) {
  const lasts = duration(between(alert.activeAt, now));
  if (alert.kind === "no_data") return `no data about ${alert.ruleName} for ${lasts}`;
  if (alert.condition === "absent") return `${judged(alert)} absent for ${lasts}`;
  if (foreseen(alert)) return `${judged(alert)} ${foreseen(alert)}`;
  // What has another unit, a score or a slope, is not what the metric is now.
  const current = alert.unit === metric(alert.metric).unit ? Object.fromEntries(flat(data.current)) : {};
  const value = current[alert.metric] ?? alert.lastValue;
  const figure = `${judged(alert)} ${quantity(value, alert.unit)}`;
  return isOver(alert, value) ? `${alert.ruleName} for ${lasts}, ${figure} now` : `${figure} for ${lasts}`;
}

/** Whether the newest figure is well again while its episode goes on. */
function isOver(/** @type {any} */ { condition, threshold }, /** @type {any} */ value) {
  if (value === null || threshold === null) return false;
  if (condition === "rate_of_change") return Math.abs(value) < Math.abs(threshold);
  return /^(greater|anomaly)/.test(condition) ? value < threshold : condition.startsWith("less") && value > threshold;
}

/** 1 critical, 2 medium. */
export function tally(/** @type {any[]} */ alerts) {
  const counts = [...catalog.severities].reverse().map((severity) => [severity, alerts.filter((one) => one.severity === severity).length]);
  return counts.filter(([, count]) => count).map(([severity, count]) => `${count} ${severity}`).join(", ");
}

function calm(/** @type {any} */ data) {
  const current = Object.fromEntries(flat(data.current));
  const said = CALM.filter((name) => current[name] !== null && current[name] !== undefined);
  return said.map((name) => `${metric(name).label} ${quantity(current[name], metric(name).unit)}`).join(", ") || "the first figures are on their way";
}

function newestAge(/** @type {any} */ data, /** @type {Date} */ now) {
  const covered = Object.values(data.currentMeta.sources).map((/** @type {any} */ one) => one.coveredUntil).filter(Boolean).sort();
  if (!covered.length) return "has not come yet";
  const [oldest, newest] = [covered[0], covered[covered.length - 1]].map((at) => duration(between(at, now)));
  return oldest === newest ? `${newest} old` : `${newest} to ${oldest} old`;
}

function ages(/** @type {any} */ data, /** @type {Date} */ now) {
  const rows = Object.entries(data.currentMeta.sources).map(([name, one]) => age(name, one, now));
  return h("div", { class: "sources" }, h("table", { class: "plain" },
    h("caption", null, "Every source, and how far it has spoken"),
    h("thead", null, h("tr", null, ["Source", "Covered until", "Asked"].map((one) => h("th", { key: one, scope: "col" }, one)))),
    h("tbody", null, rows)));
}

function age(/** @type {string} */ name, /** @type {any} */ one, /** @type {Date} */ now) {
  const ago = (/** @type {string | null} */ at) => (at ? h("time", { datetime: at, title: exactly(at) }, `${moment(at, now)}, ${duration(between(at, now))} ago`) : "–");
  return h("tr", { key: name, class: one.stale ? "is-stale" : "" },
    h("th", { scope: "row", title: catalog.sources[name] }, name, one.stale && h("em", null, one.askedAt ? " silent" : " not connected")),
    h("td", null, ago(one.coveredUntil)),
    h("td", null, ago(one.askedAt)));
}
