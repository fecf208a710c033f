/** Deliveries, failures first: who was told what, and what kept others from it. */

import { exactly, moment } from "./times.js";
import { h } from "./view.js";
import { capital, counted, spaced } from "./words.js";

const ORDER = ["dead", "pending", "sending", "sent", "skipped"];

/** @param {any} state @param {any} act */
export function deliveries(state, act) {
  const { data, error } = state.lists.deliveries ?? {};
  return h("section", { class: "list", "aria-labelledby": "deliveries-title" },
    h("h2", { id: "deliveries-title" }, "Deliveries"),
    error && h("p", { class: "refused", role: "alert" }, `The deliveries can’t be read: ${error}.`),
    state.sent && h("p", { class: state.sent.isRefused ? "refused" : "done", role: state.sent.isRefused ? "alert" : "status" }, state.sent.word),
    channels(state),
    data?.length === 0 && h("p", { class: "nothing" }, "Nobody was told anything yet."),
    data?.length > 0 && deliveryTable([...data].sort(failuresFirst), state, act));
}

/** What failed, then what waits, then the rest; each as it came, the newest first. */
function failuresFirst(/** @type {any} */ one, /** @type {any} */ other) {
  const rank = (/** @type {any} */ row) => (row.status === "pending" && row.attempt === 0 ? 1.5 : Math.min(ORDER.indexOf(row.status), 3));
  return rank(one) - rank(other) || Date.parse(other.createdAt) - Date.parse(one.createdAt);
}

/** Only channels that can't be reached are worth a line. */
function channels(/** @type {any} */ state) {
  const lost = (state.lists.channels?.data ?? []).filter((/** @type {any} */ one) => !one.reachable || one.closed);
  return lost.map((/** @type {any} */ one) => h("p", { class: "trouble", key: one.channel },
    `${capital(one.type)} ${one.name}: ${one.problem ?? `refused for good ${counted(one.closed.count, "time")}, last at ${moment(one.closed.triedAt, state.now)}: ${one.closed.error}`}`));
}

function deliveryTable(/** @type {any[]} */ rows, /** @type {any} */ state, /** @type {any} */ act) {
  const heads = ["Status", "Channel", "What", "Rule", "Minute", "Attempts", ""];
  return h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Who was told what" },
    h("table", { class: "left" },
      h("thead", null, h("tr", null, heads.map((one) => (one ? h("th", { scope: "col", key: one }, one) : h("td", { key: "do" }))))),
      h("tbody", null, rows.map((one) => deliveryRow(one, state, act)))));
}

function deliveryRow(/** @type {any} */ one, /** @type {any} */ state, /** @type {any} */ act) {
  const isFinal = one.status === "sent" || one.status === "dead";
  const why = [one.status === "sent" ? null : one.reason && spaced(one.reason), one.error, one.fellBack && "the fallback told it"].filter(Boolean).join("; ");
  return h("tr", { key: one.deliveryId, class: `status-${one.status}` },
    h("td", null, h("b", null, capital(one.status)), why && h("small", null, ` ${why}`)),
    h("td", null, `${one.channelType} ${one.channelName}`),
    h("td", null, spaced(one.kind)),
    h("th", { scope: "row" }, one.rule),
    h("td", null, h("time", { datetime: one.minute, title: exactly(one.minute) }, moment(one.minute, state.now))),
    h("td", null, String(one.attempt)),
    h("td", null, isFinal && h("button", { type: "button", onclick: () => again(one, act) }, "Send again", h("span", { class: "hush" }, ` ${one.rule} to ${one.channelName}`))));
}

async function again(/** @type {any} */ one, /** @type {any} */ act) {
  const sent = await act.api.post(`deliveries/${encodeURIComponent(one.deliveryId)}/resend`).then(
    () => ({ word: "It is on its way, with what followed it." }),
    (/** @type {Error} */ error) => ({ word: `Refused: ${error.message}.`, isRefused: true }));
  act.change({ sent });
  act.readList("deliveries");
}
