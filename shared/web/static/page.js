/** The page as a whole: which parts are shown, in which order. */

import { advice, topAdvice } from "./advice.js";
import { cards } from "./cards.js";
import { charts } from "./charts.js";
import { deliveries } from "./deliveries.js";
import { allEpisodes, openEpisodes } from "./episodes.js";
import { firstRun, isFirstRun, warnings } from "./first_run.js";
import { header, ranges, views } from "./header.js";
import { help } from "./keys.js";
import { maintenance } from "./maintenance.js";
import { panels } from "./panels.js";
import { rules } from "./rules.js";
import { signIn } from "./signin.js";
import { tables } from "./tables.js";
import { timeOfDay } from "./times.js";
import { sentenceOf, verdict } from "./verdict.js";
import { h } from "./view.js";
import { capital } from "./words.js";

/** @param {any} state @param {any} act */
export function page(state, act) {
  return h("div", { class: `sheet ${state.isPage ? "is-page" : "is-guest"}` },
    header(state, act),
    // Seen above everything, and the next thing after its button for who goes by the keyboard.
    state.isHelping && help(act),
    h("p", { class: "hush", role: "status" }, announcement(state)),
    h(state.isPage ? "main" : "div", { class: "content" }, content(state, act)));
}

function content(/** @type {any} */ state, /** @type {any} */ act) {
  if (state.phase === "signIn") return signIn(state, act);
  if (!state.board) return state.failure ? trouble(state, act) : skeleton();
  return [
    state.failure && trouble(state, act),
    verdict(state, act),
    views(state, act),
    view(state, act),
  ];
}

function view(/** @type {any} */ state, /** @type {any} */ act) {
  switch (state.place.view) {
    case "episodes": return allEpisodes(state, act);
    case "advice": return advice(state, act);
    case "business":
    case "security": return tables(state.place.view, state, act);
    case "rules": return rules(state, act);
    case "maintenance": return maintenance(state, act);
    case "deliveries": return deliveries(state, act);
    default: return overview(state, act);
  }
}

function overview(/** @type {any} */ state, /** @type {any} */ act) {
  if (isFirstRun(state.board)) return firstRun(state);
  return [
    state.showsAlerts && openEpisodes(state, act),
    cards(state.board),
    ranges(state, act),
    charts(state, act),
    topAdvice(state, act),
    panels(state),
    warnings(state.health),
  ];
}

/** The API failed or refused: what is seen is the last that was heard. */
function trouble(/** @type {any} */ state, /** @type {any} */ act) {
  const { code, isAboutUs, message } = state.failure;
  const last = code !== "no_tab" && state.board?.data.lastUpdated;
  const old = last ? ` What you see was last updated at ${timeOfDay(last)}.` : "";
  return h("div", { class: "trouble", role: "alert" },
    h("p", null, isAboutUs && h("b", null, "The monitor does not answer as it should: "), `${isAboutUs ? message : capital(message)}.${old}`),
    h("button", { type: "button", onclick: act.refresh }, code === "no_tab" ? "Close" : "Try again"));
}

/** Grey shapes as large as what will stand there. */
function skeleton() {
  const some = (/** @type {number} */ count, /** @type {string} */ kind) =>
    Array.from({ length: count }, (_, index) => h("div", { class: `bone ${kind}`, key: kind + index }));
  return h("div", { class: "skeleton", key: "skeleton", "aria-busy": "true", "aria-label": "Loading", role: "status" },
    some(1, "verdict"), h("div", { class: "cards" }, some(4, "large"), some(5, "small")), h("div", { class: "charts" }, some(4, "chart")));
}

/** What a tab in the background says. @param {any} state */
export function titled({ board, phase }) {
  const { systemStatus, alerts } = board?.data ?? {};
  const open = alerts?.length ? `(${alerts.length}) ` : "";
  return phase === "ready" ? `${open}${capital(systemStatus)} · System Monitoring` : "System Monitoring";
}

/** What a screen reader hears when it changes: how it stands. */
function announcement(/** @type {any} */ state) {
  if (!state.board || state.phase !== "ready") return "";
  const { systemStatus, alerts } = state.board.data;
  return alerts.length || systemStatus !== "healthy" ? sentenceOf(state.board, state.now).replace(/ for [^;]*/, "") : "Healthy";
}
