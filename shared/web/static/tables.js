/** Business and security by name, over the chosen range: who did what, and how often. */

import { RANGES } from "./address.js";
import { rangeButtons } from "./header.js";
import { exactly, moment } from "./times.js";
import { h } from "./view.js";
import { counted, metric, NOTHING, number, quantity, spaced } from "./words.js";

/** Longer ones are not kept by name. */
export const TABLED = RANGES.filter((one) => !["90d", "1y"].includes(one));
const USUAL = "24h";

/**
 * A table: where its rows are, and of each column its head and where its figure is. What ends with
 * `Ms` is a duration, with `At` a moment.
 *
 * @typedef {{title: string, rows: string, columns: [string, string][]}} Table
 */

const TRIED = /** @type {[string, string][]} */ ([["Failed", "failed"], ["Entered", "entered"], ["Last", "lastAt"]]);
const TABLES = /** @type {Record<string, Table[]>} */ ({
  business: [
    { title: "Pipeline", rows: "pipeline", columns: [["Stage", "stage"], ["Deals", "deals"], ["Value", "value"]] },
    { title: "Closed deals", rows: "closed", columns: [["How", "stage"], ["Deals", "deals"], ["Value", "value"]] },
    { title: "Interactions", rows: "interactions", columns: [["Type", "type"], ["Count", "count"]] },
    { title: "Reports", rows: "reports", columns: [["Type", "type"], ["Count", "count"], ["Mean", "meanMs"], ["Longest", "longestMs"]] },
    { title: "Operations", rows: "operations", columns: [["Name", "name"], ["Requests", "requests"], ["Errors", "errors"], ["Mean", "meanMs"], ["Users", "users"]] },
    { title: "Pages", rows: "pages", columns: [["Page", "name"], ["Views", "views"], ["Mean", "meanMs"], ["Users", "users"]] },
  ],
  security: [
    { title: "Failed logins by address", rows: "byAddress", columns: [["Address", "name"], ...TRIED, ["Accounts", "others"]] },
    { title: "Failed logins by account", rows: "byAccount", columns: [["Account", "name"], ...TRIED, ["Addresses", "others"]] },
    { title: "What else is worth a look", rows: "deeds", columns: [["Event", "event"], ["Account", "account"], ["Address", "address"], ["Times", "times"], ["Last", "lastAt"]] },
  ],
});
const SAID = { business: soldWhat, security: sawWhat };

/** The range that can be asked for by name. @param {import("./address.js").Place} place */
export const tabledRange = ({ range, from }) => (from || !TABLED.includes(range) ? USUAL : range);

/** @param {"business" | "security"} name @param {any} state @param {any} act */
export function tables(name, state, act) {
  const { data, meta, error } = state.lists[name] ?? {};
  const title = `${name}-title`;
  return h("section", { class: "list", "aria-labelledby": title },
    h("h2", { id: title }, name === "business" ? "Business" : "Security"),
    h("div", { class: "ranges" }, rangeButtons(TABLED, tabledRange(state.place), act)),
    error && h("p", { class: "refused", role: "alert" }, `The figures can’t be read: ${error}.`),
    !data && !error && h("p", { class: "quiet" }, "Reading …"),
    data && h("p", { class: "quiet" }, `${moment(meta.from, state.now)} – ${moment(meta.to, state.now)}. ${SAID[name](data, state.now)}`),
    data && h("div", { class: "rules" }, TABLES[name].map((one) => namesTable(one, data[one.rows], state.now))));
}

function soldWhat(/** @type {any} */ { conversion, revenue, quarters }, /** @type {Date} */ now) {
  const busiest = [...quarters].sort((one, other) => other.requests - one.requests)[0];
  return [
    conversion !== null && `${quantity(conversion, "%")} of the deals that ended were won, for ${number(revenue)}.`,
    busiest && `The busiest quarter of an hour began at ${moment(busiest.at, now)}: ${counted(busiest.requests, "request")}${busiest.interactions ? `, ${counted(busiest.interactions, "interaction")}` : ""}.`,
  ].filter(Boolean).join(" ");
}

function sawWhat(/** @type {any} */ { masked, totals }) {
  const known = Object.entries(totals).filter(([, value]) => value !== null);
  const said = known.map(([name, value]) => `${metric(name).label} ${number(value)}`).join(", ");
  return `${said || "Nothing is known"}.${masked ? " Addresses and accounts are whole for the role admin alone." : ""}`;
}

function namesTable(/** @type {Table} */ { title, columns }, /** @type {any[]} */ rows, /** @type {Date} */ now) {
  return h("article", { class: "panel", key: title },
    h("h3", null, title),
    rows.length === 0 && h("p", { class: "quiet" }, "Nothing in this range."),
    rows.length > 0 && h("div", { class: "scroll figures", tabindex: "0", role: "region", "aria-label": title }, h("table", null,
      h("thead", null, h("tr", null, columns.map(([head]) => h("th", { scope: "col", key: head }, head)))),
      h("tbody", null, rows.map((row, index) => h("tr", { key: String(index) },
        columns.map(([head, key], column) => h(column ? "td" : "th", { key: head, scope: column ? null : "row" }, shownCell(key, row[key], now)))))))));
}

function shownCell(/** @type {string} */ key, /** @type {any} */ value, /** @type {Date} */ now) {
  if (value === null || value === "") return NOTHING;
  if (key.endsWith("At")) return h("time", { datetime: value, title: exactly(value) }, moment(value, now));
  if (key.endsWith("Ms")) return quantity(value, "ms");
  return typeof value === "number" ? number(value) : key === "event" ? spaced(value) : value;
}
