/** The four panels: the current figures of each group, with their age where that matters. */

import catalog from "./catalog.js";
import { standing, STANDING_WORDS } from "./bands.js";
import { flat } from "./columns.js";
import { between, exactly, moment } from "./times.js";
import { h } from "./view.js";
import { duration, metric, quantity, spaced } from "./words.js";

const PANELS = [
  {
    title: "Database",
    names: ["dtuPeak", "workersPercent", "sessionsPercent", "connectionCount", "blockedSessions", "storageUsage", "monitor.cpuMs"],
  },
  {
    title: "Application",
    names: ["cpuUtilization", "memoryProcess", "memoryHeap", "httpQueueLength", "throughput", "responseTime.p95", "probeLatency", "appDiskUsage"],
  },
  { title: "Business", names: all("business") },
  { title: "Security", names: [...all("security"), "certificateDaysLeft", "clientErrorRate", "http4xx", "http5xx"] },
];

/** What the catalog has of a group. @param {string} group */
function all(group) {
  return Object.keys(catalog.metrics).filter((name) => metric(name).group === group);
}

/** @param {any} state */
export function panels(state) {
  const { data } = state.board;
  const current = Object.fromEntries(flat(data.current));
  return h("section", { class: "panels", "aria-labelledby": "panels-title" },
    h("h2", { id: "panels-title", class: "hush" }, "Panels"),
    PANELS.map(({ title, names }) =>
    h("article", { class: "panel", key: title },
      h("h3", null, `${title} metrics`),
      h("dl", null, names.map((name) => panelRow(name, current[name], data.currentMeta.metrics[name], state.now))),
      title === "Security" && changes(state))));
}

function panelRow(/** @type {string} */ name, /** @type {any} */ value, /** @type {any} */ meta, /** @type {Date} */ now) {
  const { label, description, unit } = metric(name);
  const state = standing(name, value, meta);
  const isOdd = !["normal", "plain"].includes(state);
  const old = state === "stale" ? `, ${duration(between(meta.minute, now))} old` : "";
  return h("div", { key: name, class: `is-${state}` },
    h("dt", { title: description }, label),
    h("dd", null, state === "none" || state === "idle" ? null : h("b", null, quantity(value, unit)),
      isOdd && h("span", { class: "standing" }, ` ${STANDING_WORDS[state]}${old}`)));
}

/** What people changed lately: who may do that is a matter of security, too. */
function changes(/** @type {any} */ state) {
  const entries = state.lists.audit?.data;
  if (!entries) return null;
  return h("div", { class: "changes" }, h("h4", null, "What people did"),
    entries.length === 0 && h("p", { class: "quiet" }, "Nothing yet."),
    h("ol", { class: "timeline" }, entries.map((/** @type {any} */ one, /** @type {number} */ index) => h("li", { key: one.at + index },
      h("time", { datetime: one.at, title: exactly(one.at) }, moment(one.at, state.now)), ` ${one.by}: ${spaced(one.action)} ${one.subject}`))));
}
