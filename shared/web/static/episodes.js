/** Episodes: what is wrong since when, who cares, and what can be done about it. */

import { asks, foreseen, judged } from "./conditions.js";
import { valuesOf } from "./columns.js";
import { spark } from "./spark.js";
import { between, exactly, local, moment, tomorrowMorning } from "./times.js";
import { timeline } from "./timeline.js";
import { bySeverity } from "./verdict.js";
import { h } from "./view.js";
import { capital, counted, duration, metric, quantity } from "./words.js";

const SNOOZES = [[15, "15 min"], [60, "1 h"], [240, "4 h"]];
const LONGEST_SNOOZE = 10_080;

/** What is open, as the overview shows it. @param {any} state @param {any} act */
export function openEpisodes(state, act) {
  const open = state.alerts.filter((/** @type {any} */ one) => one.state === "firing").sort(bySeverity);
  return h("section", { class: "episodes", "aria-labelledby": "open-title" },
    h("h2", { id: "open-title", class: "hush" }, "Open episodes"),
    open.length ? open.map((/** @type {any} */ one) => episode(one, state, act)) : noEpisode(state));
}

/** Every episode, the open ones first. @param {any} state @param {any} act */
export function allEpisodes(state, act) {
  const { place } = state;
  const known = state.alerts.filter((/** @type {any} */ one) => !place.alert || one.alertId === place.alert);
  const story = state.stories.get(place.alert);
  // One that is older than those on the list is told by its story alone.
  const found = known.length || !story?.timeline ? known : [story];
  const [open, over] = ["firing", "resolved"].map((kind) => found.filter((/** @type {any} */ one) => one.state === kind));
  return h("section", { class: "episodes", "aria-labelledby": "episodes-title" },
    h("h2", { id: "episodes-title" }, "Episodes"),
    place.alert && h("p", null, h("a", { href: act.link({ alert: null }), onclick: act.follow({ alert: null }) }, "Show all episodes")),
    open.sort(bySeverity).map((/** @type {any} */ one) => episode(one, state, act)),
    over.map((/** @type {any} */ one) => episode(one, state, act)),
    !found.length && (place.alert ? timeline(story, state.now) : noEpisode(state)));
}

function noEpisode(/** @type {any} */ state) {
  const last = state.alerts.find((/** @type {any} */ one) => one.resolvedAt);
  const before = last ? ` The last was ${last.ruleName}, over since ${moment(last.resolvedAt, state.now)}.` : "";
  return h("p", { class: "nothing" }, `No episode is open.${before}`);
}

function episode(/** @type {any} */ alert, /** @type {any} */ state, /** @type {any} */ act) {
  const wish = state.wishes.get(alert.alertId);
  const isOpen = alert.state === "firing";
  return h("article", { class: `episode is-${alert.severity} ${isOpen ? "" : "is-over"}`, key: alert.alertId, "aria-busy": wish?.isOnItsWay ? "true" : null },
    h("header", null,
      h("span", { class: "severity" }, capital(alert.severity)),
      h("h3", null, alert.ruleName),
      h("p", { class: "since" }, since(alert, state.now))),
    h("p", { class: "breach" }, breach(alert)),
    state.board?.columns.series[alert.metric] && isOpen
      && spark(valuesOf(state.board.columns, alert.metric), { mark: alert.unit === metric(alert.metric).unit ? alert.threshold : null }),
    notes(alert, state.now),
    culprits(alert),
    isOpen && actions(alert, wish, state, act),
    wish?.error && h("p", { class: "refused", role: "alert" }, wish.error),
    story(alert, state, act));
}

function since(/** @type {any} */ alert, /** @type {Date} */ now) {
  const lasted = duration(between(alert.activeAt, alert.resolvedAt ?? now));
  const start = h("time", { datetime: alert.activeAt, title: exactly(alert.activeAt) }, moment(alert.activeAt, now));
  return alert.resolvedAt
    ? [start, " – ", h("time", { datetime: alert.resolvedAt, title: exactly(alert.resolvedAt) }, moment(alert.resolvedAt, now)), `, ${lasted}`]
    : ["since ", start, `, ${lasted}`];
}

function breach(/** @type {any} */ alert) {
  if (alert.kind === "no_data") return "Nothing was heard of what this rule looks at.";
  const isOpen = alert.state === "firing";
  const last = isOpen ? `, last ${quantity(alert.lastValue, alert.unit)}` : "";
  const figures = alert.condition === "absent" ? "" : ` ${quantity(alert.value, alert.unit)} when it fired${last}`;
  const others = (alert.breaches ?? []).slice(1).map((/** @type {any} */ one) => `, ${one.label} ${quantity(one.value, one.unit)} (${asks(one, one.unit)})`);
  const how = (isOpen && foreseen(alert)) || asks(alert, alert.unit);
  return `${judged(alert)}${figures} (${how})${others.join("")}; ${counted(alert.count, "bad minute")}`;
}

function notes(/** @type {any} */ alert, /** @type {Date} */ now) {
  const said = [
    alert.deploy && `${alert.deploy.minutesBefore} min after deploy ${alert.deploy.version}`,
    alert.acknowledgedBy && `Acknowledged by ${alert.acknowledgedBy} at ${moment(alert.acknowledgedAt, now)}`,
    alert.snoozedUntil && Date.parse(alert.snoozedUntil) > now.getTime() && `Snoozed until ${moment(alert.snoozedUntil, now)}`,
    alert.resolvedBy && `Resolved by ${alert.resolvedBy}`,
    alert.note && `Note: ${alert.note}`,
  ].filter(Boolean);
  return said.length > 0 && h("ul", { class: "notes" }, said.map((one) => h("li", { key: String(one) }, one)));
}

/** The worst statement that ran or kept others waiting; or every suspect, who has no session. */
function culprits(/** @type {any} */ { culprits: all = [] }) {
  const shown = all[0]?.session ? all.slice(0, 1) : all;
  return shown.map((/** @type {any} */ one) => h("p", { class: "culprit", key: one.statement },
    h("code", null, one.statement), one.session > 0 && h("small", null, doing(one))));
}

function doing(/** @type {any} */ { session, program, waiting, runningMs }) {
  const lasts = duration(runningMs / 1000);
  const does = waiting ? `keeps ${waiting} waiting, the longest for ${lasts}` : `running ${lasts}`;
  return ` session ${session}, ${program || "unknown program"}, ${does}`;
}

function actions(/** @type {any} */ alert, /** @type {any} */ wish, /** @type {any} */ state, /** @type {any} */ act) {
  const name = `snooze-${alert.alertId}`;
  const isSnoozing = state.open.has(name);
  const isSnoozed = alert.snoozedUntil && Date.parse(alert.snoozedUntil) > state.now.getTime();
  const todo = (/** @type {string} */ label, /** @type {any} */ props) =>
    h("button", { type: "button", disabled: Boolean(wish?.isOnItsWay), ...props }, label, h("span", { class: "hush" }, ` ${alert.ruleName}`));
  return h("div", { class: "actions" },
    h("div", { class: "buttons" },
      todo(alert.acknowledgedBy ? "Acknowledged" : "Acknowledge", { class: "main", disabled: Boolean(wish?.isOnItsWay || alert.acknowledgedBy), onclick: () => act.onAlert(alert, "acknowledge") }),
      isSnoozed
        ? todo("End snooze", { onclick: () => act.onAlert(alert, "unsnooze") })
        : todo("Snooze …", { "aria-expanded": String(isSnoozing), onclick: () => act.toggle(name) }),
      todo("Resolve", { onclick: () => act.onAlert(alert, "resolve") })),
    isSnoozing && !isSnoozed && snoozes(alert, state, act, name));
}

function snoozes(/** @type {any} */ alert, /** @type {any} */ state, /** @type {any} */ act, /** @type {string} */ name) {
  const until = tomorrowMorning(state.now);
  const snooze = (/** @type {number} */ minutes) => {
    act.toggle(name);
    act.onAlert(alert, "snooze", Math.max(Math.min(Math.ceil(minutes), LONGEST_SNOOZE), 1));
  };
  const custom = (/** @type {any} */ event) => {
    event.preventDefault();
    snooze(between(state.now, new Date(String(new FormData(event.target).get("until")))) / 60);
  };
  return h("div", { class: "snoozes", role: "group", "aria-label": `Snooze ${alert.ruleName}` },
    SNOOZES.map(([minutes, label]) => h("button", { type: "button", key: String(minutes), onclick: () => snooze(Number(minutes)) }, label)),
    h("button", { type: "button", onclick: () => snooze(between(state.now, until) / 60) }, "Until tomorrow 08:00"),
    h("form", { onsubmit: custom },
      h("label", null, "Until ", h("input", { type: "datetime-local", name: "until", required: true, min: local(state.now), defaultValue: local(until) })),
      h("button", { type: "submit" }, "Snooze")));
}

function story(/** @type {any} */ alert, /** @type {any} */ state, /** @type {any} */ act) {
  const name = `story-${alert.alertId}`;
  const isOpen = state.open.has(name) || state.place.alert === alert.alertId;
  return h("details", { class: "story", open: isOpen, ontoggle: act.toggledStory(alert, name) },
    h("summary", null, "Timeline", h("span", { class: "hush" }, ` of ${alert.ruleName}`)),
    isOpen && timeline(state.stories.get(alert.alertId), state.now));
}
