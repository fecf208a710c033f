/** Advice: what would help and by how much, why we think so, and what became of it. */

import { SHELVES } from "./address.js";
import { exactly, moment } from "./times.js";
import { h } from "./view.js";
import { capital, counted, quantity } from "./words.js";

const LOWEST_RANK = 255;
const FIRST = 3;
/** Of each status: what may be made of it, and what the button says. */
const STEPS = /** @type {Record<string, [string, string][]>} */ ({
  new: [["seen", "Seen"], ["done", "Done"], ["dismissed", "Dismiss"]],
  seen: [["done", "Done"], ["dismissed", "Dismiss"]],
  done: [["seen", "Open again"]],
  dismissed: [["seen", "Open again"]],
});

/** What to do, the most urgent first. @param {any} state @param {any} act */
export function advice(state, act) {
  const { database, memory } = state.lists;
  const all = recommendations(state);
  const shelf = state.place.status;
  const shown = all.filter((one) => isOn(one, shelf));
  const error = database?.error ?? memory?.error;
  const lacking = database?.meta?.lacking ?? [];
  return h("section", { class: "list", "aria-labelledby": "advice-title" },
    h("h2", { id: "advice-title" }, "Advice"),
    error && h("p", { class: "refused", role: "alert" }, `The advice can’t be read: ${error}.`),
    !database && h("p", { class: "quiet" }, "Reading …"),
    database?.data && h("p", { class: "quiet" }, stand(database.data, memory?.data)),
    lacking.length > 0 && h("p", { class: "quiet" }, `The inspection could not read all it wanted: ${lacking.join("; ")}.`),
    h("div", { class: "buttons", role: "group", "aria-label": "Which advice" }, SHELVES.map((one) => h("button", {
      type: "button", key: one, "aria-pressed": String(one === shelf), onclick: () => act.go({ status: one, advice: null }),
    }, `${capital(one)} ${all.filter((each) => isOn(each, one)).length}`))),
    shown.map((one) => recommendation(one, state, act)),
    database?.data && !shown.length && h("p", { class: "nothing" }, shelf === "open" ? noAdvice(state) : `Nothing was ${shelf} yet.`));
}

/** The first of it, for the overview. @param {any} state @param {any} act */
export function topAdvice(state, act) {
  const { database } = state.lists;
  if (!database?.data) return null;
  const open = recommendations(state).filter((one) => isOn(one, "open"));
  const link = (/** @type {any} */ changes, /** @type {any} */ text) => {
    const place = { view: "advice", status: "open", ...changes };
    return h("a", { href: act.link(place), onclick: act.follow(place) }, text);
  };
  return h("section", { class: "panel top-advice", "aria-labelledby": "top-advice-title" },
    h("h2", { id: "top-advice-title" }, "Advice"),
    open.length === 0 && h("p", { class: "quiet" }, noAdvice(state)),
    h("ol", null, open.slice(0, FIRST).map((one) => h("li", { key: one.id, class: tone(one) },
      severity(one), link({ advice: one.id }, one.title), one.estimate && h("small", null, saves(one.estimate))))),
    open.length > FIRST && h("p", null, link({ advice: null }, `All ${counted(open.length, "recommendation")}`)));
}

/** Of the database and of the app together, by their rank. @returns {any[]} */
function recommendations(/** @type {any} */ { lists: { database, memory } }) {
  const of = (/** @type {any} */ list) => list?.data?.recommendations ?? [];
  return [...of(database), ...of(memory)].sort((one, other) => one.rank - other.rank);
}

/** What follows from this minute alone has no status: it is open. */
function isOn(/** @type {any} */ { status, isFound }, /** @type {string} */ shelf) {
  return shelf === "open" ? status === null || (isFound && (status === "new" || status === "seen")) : status === shelf;
}

/** How both stand, and what following all of it would give back. */
function stand(/** @type {any} */ { currentDTU, meanDTU, estimatedImprovement }, /** @type {any} */ memory) {
  return [
    `DTU ${quantity(currentDTU, "%")} now, ${quantity(meanDTU, "%")} on average on the day before the last look. `,
    memory && `Memory ${quantity(memory.current, "MB")}: ${memory.status}. `,
    estimatedImprovement > 0 && h("b", null, `All that is open would give back about ${quantity(estimatedImprovement, "%")} DTU.`),
  ];
}

function noAdvice(/** @type {any} */ { lists: { database: { meta } }, now }) {
  return meta.advisedAt ? `Nothing is advised. The last look was at ${moment(meta.advisedAt, now)}.`
    : "Nobody has looked yet: the first look follows the first inspection of the database, or comes within six hours.";
}

const tone = (/** @type {any} */ { priority }) => `is-${priority === "immediate" ? "critical" : priority}`;
const severity = (/** @type {any} */ { priority }) => h("span", { class: "severity" }, capital(priority));
const saves = (/** @type {any} */ { value, unit }) => `saves about ${quantity(value, unit)}`;

function recommendation(/** @type {any} */ known, /** @type {any} */ state, /** @type {any} */ act) {
  const wish = state.wishes.get(known.id);
  const [one] = state.wishes.over([known]);
  return h("article", { class: `episode advice ${tone(one)}`, key: one.id, "aria-busy": wish?.isOnItsWay ? "true" : null },
    h("header", null, severity(one), h("h3", null, one.title),
      h("p", { class: "since" }, `rank ${one.rank} of ${LOWEST_RANK}, confidence ${one.confidence}`)),
    h("p", { class: "breach" }, one.description, after(one)),
    one.estimate && h("p", { class: "gain" }, capital(saves(one.estimate))),
    one.followUp && h("p", { class: "gain" }, "What came of it: ", one.followUp),
    one.again && h("p", { class: "again" }, one.again),
    one.actions.length > 1 && h("ul", { class: "steps" }, one.actions.map((/** @type {string} */ step) => h("li", { key: step }, step))),
    reasons(one, state, act),
    one.status && h("p", { class: "breach" }, whoSaid(one, state.now)),
    one.status && state.lists.database.meta?.mayChange && h("div", { class: "buttons" }, STEPS[one.status].map(([status, label]) => h("button", {
      type: "button", key: status, disabled: Boolean(wish?.isOnItsWay), onclick: () => act.onAdvice(one, status),
    }, label, h("span", { class: "hush" }, `: ${one.title}`)))),
    wish?.error && h("p", { class: "refused", role: "alert" }, wish.error));
}

/** The deploy before it, unless the description names it already. */
function after(/** @type {any} */ { deploy, description }) {
  return deploy && !description.includes(deploy.version) && ` It began ${deploy.minutesBefore} min after deploy ${deploy.version}.`;
}

/** New; Seen by Ann, 10:02: a note. */
function whoSaid(/** @type {any} */ { status, saidAt, changedAt, changedBy, note }, /** @type {Date} */ now) {
  const said = changedBy && status !== "new" ? ` by ${changedBy}, ${moment(changedAt, now)}` : `, first said ${moment(saidAt, now)}`;
  return [h("b", null, capital(status)), h("span", { title: exactly(changedAt ?? saidAt) }, said), note && `: ${note}`];
}

/** What speaks for it, and what is ready to be run: by people. */
function reasons(/** @type {any} */ one, /** @type {any} */ state, /** @type {any} */ act) {
  const { id, evidence, statement, script, reversal, link } = one;
  if (!evidence.length && !statement && !script && !link) return null;
  const name = `advice-${id}`;
  const isNamed = state.place.advice === id;
  const isOpen = isNamed || state.open.has(name);
  const toggled = (/** @type {any} */ event) => {
    if (isNamed && !event.target.open) act.go({ advice: null }, { replace: true });
    act.toggled(name)(event);
  };
  const text = (/** @type {string} */ label, /** @type {string | null} */ shown) => shown && code({ label, shown, key: `${id} ${label}` }, state, act);
  return h("details", { class: "story", open: isOpen, ontoggle: toggled },
    h("summary", null, script ? "Evidence and script" : "Evidence", h("span", { class: "hush" }, ` of ${one.title}`)),
    isOpen && [
      evidence.length > 0 && h("dl", { class: "evidence" }, evidence.map((/** @type {any} */ fact) => h("div", { key: fact.label }, h("dt", null, fact.label), h("dd", null, fact.value)))),
      text("The query, without its values", statement),
      text("Script", script),
      text("What takes it back", reversal),
      link && h("p", null, h("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, "What the vendor says about it")),
    ]);
}

function code(/** @type {any} */ { label, shown, key }, /** @type {any} */ state, /** @type {any} */ act) {
  const { copied } = state;
  const word = copied?.key === key ? copied.word : "Copy";
  return h("figure", { class: "code", key: label },
    h("figcaption", null, label, h("button", { type: "button", "aria-live": "polite", onclick: () => act.copy(key, shown) }, word)),
    h("pre", null, h("code", null, shown)));
}
