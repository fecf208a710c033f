/** The charts with what they say in words: a summary, and every figure as a table. */

import { extremes, mean, unusual, valuesOf } from "./columns.js";
import { CHARTS, metricsOf } from "./chart_table.js";
import { plotWidget } from "./plot.js";
import { exactly, moment } from "./times.js";
import { h } from "./view.js";
import { counted, duration, metric, NOTHING, quantity } from "./words.js";

/** @param {any} state @param {any} act */
export function charts(state, act) {
  return h("section", { class: "charts", "aria-labelledby": "charts-title" },
    h("h2", { id: "charts-title", class: "hush" }, "Charts"),
    CHARTS.filter((one) => !one.isExtra || extremes(state.board.columns, one.lead)).map((one) => figure(one, state, act)));
}

function figure(/** @type {import("./chart_table.js").Chart} */ chart, /** @type {any} */ state, /** @type {any} */ act) {
  const { columns } = state.board;
  const name = `table-${chart.id}`;
  const spans = spansOf(chart, state);
  const data = {
    chart, columns, spans, deployments: state.marks, theme: state.look, now: state.now,
    label: `${chart.title}: read with the arrow keys`, zoom: act.zoom, unzoom: act.unzoom,
  };
  return h("figure", { class: "chart", key: chart.id },
    h("figcaption", null, h("h3", null, chart.title)),
    h("div", { class: "plot", widget: plotWidget, data }),
    h("p", { class: "summary" }, summary(chart, columns, spans, state)),
    h("details", { class: "figures", open: state.open.has(name), ontoggle: act.toggled(name) },
      h("summary", null, "Figures", h("span", { class: "hush" }, ` of ${chart.title}`)),
      state.open.has(name) && figuresTable(chart, columns, state.now)));
}

/** The episodes about one of the chart's metrics, as far as they lie in the range. */
function spansOf(/** @type {import("./chart_table.js").Chart} */ chart, /** @type {any} */ state) {
  const { from, to } = state.board.columns;
  const names = new Set([...metricsOf(chart), chart.bands]);
  return state.alerts
    .filter((/** @type {any} */ alert) => names.has(alert.metric))
    .map((/** @type {any} */ alert) => ({
      from: Date.parse(alert.activeAt) / 1000, severity: alert.severity, alert,
      to: alert.resolvedAt ? Date.parse(alert.resolvedAt) / 1000 : to,
    }))
    .filter((/** @type {any} */ span) => span.to >= from && span.from <= to);
}

/** What a glance at the chart would tell. */
function summary(/** @type {import("./chart_table.js").Chart} */ chart, /** @type {any} */ columns, /** @type {any[]} */ spans, /** @type {any} */ state) {
  const { label, unit } = metric(chart.lead);
  const found = extremes(columns, chart.lead);
  if (!found) return `${label}: nothing was measured in this range.`;
  const [low, high, middle] = [found.low, found.high, mean(valuesOf(columns, chart.lead))].map((one) => quantity(one, unit));
  return [
    low === high ? `${label} ${low} throughout` : `${label} between ${low} and ${high}, mean ${middle}`,
    beyond(chart, columns), gaps(chart, columns), spans.length ? `; ${episodesInWords(spans, state)}` : "", strange(chart, columns, state.now), deployed(state), ".",
  ].join("");
}

function beyond(/** @type {import("./chart_table.js").Chart} */ chart, /** @type {any} */ columns) {
  if (!chart.bands) return "";
  const { warning, unit } = metric(chart.bands);
  const steps = valuesOf(columns, chart.bands).filter((one) => one !== null && one >= warning).length;
  const what = chart.bands === chart.lead ? "" : `${metric(chart.bands).label} `;
  return steps ? `; ${what}at or above ${quantity(warning, unit)} for ${duration(steps * columns.step)}` : "";
}

function gaps(/** @type {import("./chart_table.js").Chart} */ chart, /** @type {any} */ columns) {
  // What the newest steps lack is still to come.
  const values = valuesOf(columns, chart.lead).slice(0, valuesOf(columns, chart.lead).findLastIndex((one) => one !== null) + 1);
  const missing = values.filter((one) => one === null).length;
  return missing ? `; no figure for ${duration(missing * columns.step)}` : "";
}

function episodesInWords(/** @type {any[]} */ spans, /** @type {any} */ state) {
  const shown = spans.slice(0, 3).map(({ alert }) => {
    const until = alert.resolvedAt ? `to ${moment(alert.resolvedAt, state.now)}` : "and still open";
    return `${alert.ruleName} (${alert.severity}) from ${moment(alert.activeAt, state.now)} ${until}`;
  });
  const more = spans.length - shown.length;
  return shown.join(", ") + (more > 0 ? ` and ${counted(more, "more episode")}` : "");
}

/** The most unusual stretch, and how many others there are. */
function strange(/** @type {import("./chart_table.js").Chart} */ chart, /** @type {any} */ columns, /** @type {Date} */ now) {
  const [worst, ...others] = unusual(columns, metricsOf(chart)).sort((one, other) => other.score - one.score);
  if (!worst) return "";
  const more = others.length ? ` and ${counted(others.length, "other time")}` : "";
  return `; ${metric(worst.name).label} unusual at ${moment(worst.from * 1000, now)} for ${duration(worst.to - worst.from)}${more}`;
}

function deployed(/** @type {any} */ { marks, now }) {
  return marks.slice(0, 3).map((/** @type {any} */ { at, version }) => `; ${version} deployed at ${moment(at * 1000, now)}`).join("");
}

function figuresTable(/** @type {import("./chart_table.js").Chart} */ chart, /** @type {any} */ columns, /** @type {Date} */ now) {
  const names = metricsOf(chart);
  const rows = columns.times.map((/** @type {number} */ at, /** @type {number} */ index) => h("tr", { key: String(at) },
    h("th", { scope: "row", title: exactly(at * 1000) }, moment(at * 1000, now)),
    names.map((name) => h("td", null, cell(valuesOf(columns, name)[index], name)))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Figures of ${chart.title}` },
    h("table", null,
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Time"), names.map((name) => h("th", { scope: "col" }, metric(name).label)))),
      h("tbody", null, rows.reverse())));
}

const cell = (/** @type {any} */ value, /** @type {string} */ name) => (value === null ? NOTHING : quantity(value, metric(name).unit));
