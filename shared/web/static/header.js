/** The title, and the tools: range, refresh, pause, theme, full screen, who is signed in. */

import { RANGES, VIEWS } from "./address.js";
import { between, exactly, iso, local, moment, timeOfDay } from "./times.js";
import { h } from "./view.js";
import { capital, counted, duration } from "./words.js";

export const INTERVALS = [10, 30, 60, 300];

/** @param {any} state @param {any} act */
export function header(state, act) {
  return h("header", { class: "top" },
    h("div", { class: "title" },
      h(state.isPage ? "h1" : "h2", null, "System Monitoring"),
      h("p", null, "Azure B1 Performance Dashboard", state.board && h("span", { class: "target" }, state.board.meta.target))),
    state.phase !== "signIn" && h("div", { class: "tools" }, freshness(state), intervals(state, act), buttons(state, act)));
}

/** When the page last heard from the monitor; the time stands still when it is paused. */
function freshness(/** @type {any} */ state) {
  if (!state.board) return null;
  const at = state.board.data.lastUpdated;
  if (!at) return h("p", { class: "freshness" }, "Not updated yet");
  return h("p", { class: "freshness" },
    h("span", { class: state.paused ? "dot is-paused" : "dot", "aria-hidden": "true" }),
    state.paused ? "Paused · last updated " : "Last updated ",
    h("time", { datetime: at, title: exactly(at) }, timeOfDay(at)), `, ${duration(between(at, state.now))} ago`);
}

function intervals(/** @type {any} */ state, /** @type {any} */ act) {
  const every = Math.round(state.every / 1000);
  const known = INTERVALS.includes(every) ? INTERVALS : [...INTERVALS, every].sort((a, b) => a - b);
  return h("label", { class: "every" }, h("span", { class: "hush" }, "Refresh every"),
    h("select", { onchange: (/** @type {any} */ event) => act.go({ refresh: Number(event.target.value) }, { replace: true }) },
      known.map((one) => h("option", { key: String(one), value: String(one), selected: one === every }, duration(one)))));
}

function buttons(/** @type {any} */ state, /** @type {any} */ act) {
  return h("div", { class: "buttons", role: "group", "aria-label": "Page" },
    h("button", { type: "button", onclick: act.refresh }, "Refresh"),
    h("button", { type: "button", "aria-pressed": String(state.paused), onclick: act.pause }, state.paused ? "Resume" : "Pause"),
    h("button", { type: "button", onclick: act.nextTheme }, `Theme: ${state.place.theme}`),
    h("button", { type: "button", class: "for-desks", onclick: act.fullscreen, "aria-pressed": String(state.isFull) }, state.isFull ? "Leave full screen" : "Full screen"),
    state.isPage && h("button", { type: "button", class: "for-desks", onclick: act.help }, "Help"),
    h("button", { type: "button", onclick: act.signOut }, "Sign out"));
}

/** The views, as links that can be opened elsewhere, too, and the report, which opens there alone. @param {any} state @param {any} act */
export function views(state, act) {
  return h("nav", { class: "views", "aria-label": "Views" }, VIEWS.map((view) => {
    const open = view === "episodes" && state.board?.data.alerts.length;
    const isHere = state.place.view === view;
    const place = { view, rule: null, alert: null, advice: null };
    return h("a", {
      key: view, href: act.link(place), "aria-current": isHere ? "page" : null, onclick: act.follow(place),
    }, capital(view), open ? h("span", { class: "count" }, h("span", { class: "hush" }, ", open: "), open) : null);
  }), h("span", null, ["7d", "30d"].map((one) => h("button", { type: "button", class: "link", key: one, "aria-label": `Report ${one}, new tab`, onclick: () => act.report(one) }, `Report ${one} ↗`))));
}

/** @param {string[]} all @param {string | null} chosen @param {any} act */
export const rangeButtons = (all, chosen, act) => h("div", { class: "buttons", role: "group", "aria-label": "Range" },
  all.map((one) => h("button", {
    type: "button", key: one, "aria-pressed": String(one === chosen),
    onclick: () => act.go({ range: one, from: null, to: null }),
  }, one)));

/** @param {any} state @param {any} act */
export function ranges(state, act) {
  const { range, from, to } = state.place;
  return h("div", { class: "ranges" },
    rangeButtons(RANGES, from ? null : range, act),
    from && h("p", { class: "zoomed" }, "Zoomed. ", h("button", { type: "button", class: "link", onclick: act.unzoom }, "Back to the range")),
    state.board.columns.provisionalFrom !== null && h("p", { class: "zoomed" }, "Hatched: may still change."),
    hasScores(state.board.columns) && h("p", { class: "zoomed" }, "Grey: the usual. Strip at the foot: unusual."),
    damaged(state.board.meta.damaged, state.now),
    h("details", { class: "span", open: state.open.has("span"), ontoggle: act.toggled("span") },
      h("summary", null, "From – to"), span(state, act, from, to)));
}

/** Whether a detector has spoken of anything that is drawn. */
function hasScores(/** @type {import("./columns.js").Columns} */ { series }) {
  return Object.values(series).some(({ usual }) => usual?.score.some((one) => one !== null));
}

/** What is stored and can't be read is left out of the charts, and said. */
function damaged(/** @type {any[]} */ stretches, /** @type {Date} */ now) {
  if (!stretches?.length) return null;
  const [{ from, to }] = stretches;
  const others = stretches.length > 1 ? ` and ${counted(stretches.length - 1, "other stretch", "other stretches")}` : "";
  return h("p", { class: "refused" }, `Can’t be read and left out: ${moment(from, now)} – ${moment(to, now)}${others}.`);
}

function span(/** @type {any} */ state, /** @type {any} */ act, /** @type {string | null} */ from, /** @type {string | null} */ to) {
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    const [from, to] = ["from", "to"].map((name) => iso(new Date(String(given.get(name))))).sort();
    if (from < to) act.go({ from, to });
  };
  // Whole hours, so that a refresh does not write over what is being typed.
  const hour = Math.floor(state.now.getTime() / 3_600_000) * 3_600_000;
  const usual = { from: new Date(hour - 3_600_000), to: new Date(hour) };
  return h("form", { onsubmit: submit },
    h("label", null, "From ", h("input", { type: "datetime-local", name: "from", required: true, value: local(from ? new Date(from) : usual.from) })),
    h("label", null, "To ", h("input", { type: "datetime-local", name: "to", required: true, value: local(to ? new Date(to) : usual.to) })),
    h("button", { type: "submit" }, "Show"));
}
