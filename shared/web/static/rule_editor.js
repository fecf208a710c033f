/** One rule under the pen: its usual fields, the whole of it as JSON, and what it would have done. */

import catalog from "./catalog.js";
import { ApiError } from "./api.js";
import { asks, judged, unitOf } from "./conditions.js";
import { moment } from "./times.js";
import { h } from "./view.js";
import { duration, number, quantity } from "./words.js";

/** A member in words: DTU greater than 95 % for 2 min. @param {any} rule */
export function condition(rule) {
  const members = [...(rule.any ?? []), ...(rule.all ?? [])];
  const word = rule.any?.length ? " or " : " and ";
  const what = members.length ? members.map(phrase).join(word) : phrase(rule);
  return rule.duration ? `${what}, for ${duration(rule.duration * 60)}` : what;
}

const phrase = (/** @type {any} */ member) => `${judged(member)} ${asks(member, unitOf(member))}`;

/** @param {any} known @param {any} state @param {any} act */
export function editor(known, state, act) {
  const draft = state.editor?.id === known.rule.id ? state.editor : fresh(known);
  const set = (/** @type {any} */ changes) => act.edit(draft, changes);
  const edit = (/** @type {string} */ field, /** @type {any} */ value) => set({ rule: { ...draft.rule, [field]: value }, text: null });
  return h("form", { class: "editor", onsubmit: (/** @type {any} */ event) => save(event, draft, set, act) },
    h("div", { class: "fields" }, fields(draft.rule, known.rule.threshold !== null, edit)),
    h("details", null, h("summary", null, "The whole rule as JSON"),
      h("label", null, h("span", { class: "hush" }, "Rule as JSON"),
        h("textarea", {
          rows: "14", spellcheck: "false", value: draft.text ?? JSON.stringify(draft.rule, null, 2),
          oninput: (/** @type {any} */ event) => set(typed(event.target.value, draft.rule)),
        }))),
    draft.rule.runbook && h("p", { class: "quiet" }, h("b", null, "What to do: "), draft.rule.runbook),
    draft.word && h("p", { class: draft.isRefused ? "refused" : "done", role: draft.isRefused ? "alert" : "status" }, draft.word),
    h("div", { class: "buttons" },
      h("button", { type: "submit", class: "main", disabled: Boolean(draft.isBusy || draft.isUnreadable) }, "Save"),
      h("button", { type: "button", disabled: Boolean(draft.isBusy || draft.isUnreadable), onclick: () => tryOut(draft, state, set, act) }, "Try on the last 7 days"),
      known.source === "edited" && h("button", { type: "button", onclick: () => reset(draft, set, act) }, "Back to the shipped rule")),
    draft.trial && trial(draft.trial, draft.rule, state.now));
}

const fresh = (/** @type {any} */ { rule, etag }) => ({ id: rule.id, rule, etag, text: null, trial: null, word: "", isBusy: false, isRefused: false });

function fields(/** @type {any} */ rule, /** @type {boolean} */ hasThreshold, /** @type {(field: string, value: any) => void} */ edit) {
  const whole = (/** @type {any} */ event) => (event.target.value === "" ? null : Number(event.target.value));
  const figure = (/** @type {string} */ field, /** @type {string} */ label, step = "1", isNeeded = true) =>
    h("label", { key: field }, label, h("input", {
      type: "number", step, min: step === "1" ? "0" : null, required: isNeeded, value: rule[field] ?? "",
      oninput: (/** @type {any} */ event) => edit(field, whole(event)),
    }));
  const unit = unitOf(rule);
  return [
    h("label", null, "Name", h("input", { type: "text", required: true, value: rule.name, oninput: (/** @type {any} */ event) => edit("name", event.target.value) })),
    hasThreshold && figure("threshold", `Threshold${unit ? ` (${unit})` : ""}`, "any"),
    hasThreshold && figure("clearThreshold", "Clears at", "any", false),
    figure("duration", "Bad minutes until it fires"),
    figure("keepFiring", "Good minutes until it ends"),
    h("label", null, "Severity", h("select", { onchange: (/** @type {any} */ event) => edit("severity", event.target.value) },
      catalog.severities.map((/** @type {string} */ one) => h("option", { key: one, value: one, selected: one === rule.severity }, one)))),
    h("label", { class: "check" }, h("input", { type: "checkbox", checked: rule.enabled, onchange: (/** @type {any} */ event) => edit("enabled", event.target.checked) }), " Enabled"),
  ];
}

/** What is no JSON object is kept as it is typed, and can't be saved. */
function typed(/** @type {string} */ text, /** @type {any} */ rule) {
  const given = objectIn(text);
  return given ? { text, rule: given, isUnreadable: false, word: "", isRefused: false }
    : { text, rule, isUnreadable: true, word: "This is no JSON object yet.", isRefused: true };
}

function objectIn(/** @type {string} */ text) {
  try {
    const given = JSON.parse(text);
    return typeof given === "object" && !Array.isArray(given) ? given : null;
  } catch {
    return null;
  }
}

async function save(/** @type {Event} */ event, /** @type {any} */ draft, /** @type {any} */ set, /** @type {any} */ act) {
  event.preventDefault();
  set({ isBusy: true });
  await told(set, async () => {
    const { data, meta } = await act.api.put(`rules/${draft.id}`, draft.rule, { "If-Match": `"${draft.etag}"` });
    const warnings = meta.warnings.map((/** @type {string} */ one) => ` But ${one}.`).join("");
    set({ ...fresh(data), word: `Saved; it counts from the next minute on.${warnings}` });
    act.readList("rules");
  });
}

async function reset(/** @type {any} */ draft, /** @type {any} */ set, /** @type {any} */ act) {
  await told(set, async () => {
    const { data } = await act.api.post(`rules/${draft.id}/reset`);
    set({ ...fresh(data), word: "It is the shipped rule again." });
    act.readList("rules");
  });
}

async function tryOut(/** @type {any} */ draft, /** @type {any} */ state, /** @type {any} */ set, /** @type {any} */ act) {
  set({ isBusy: true, word: "Trying …", isRefused: false });
  await told(set, async () => {
    const { data } = await act.api.post("rules/backtest", { rule: draft.rule, range: "7d", target: state.board.meta.target });
    set({ trial: data, word: "", isBusy: false });
  });
}

async function told(/** @type {any} */ set, /** @type {() => Promise<void>} */ work) {
  try {
    await work();
  } catch (error) {
    const isChanged = error instanceof ApiError && error.status === 412;
    const { message } = /** @type {Error} */ (error);
    set({ isBusy: false, isRefused: true, word: isChanged ? "Somebody else changed this rule meanwhile: close it and open it again." : `Refused: ${message}.` });
  }
}

function trial(/** @type {any} */ found, /** @type {any} */ rule, /** @type {Date} */ now) {
  const unit = unitOf(rule);
  const share = found.shareOfTime === null ? "" : `, ${number(found.shareOfTime * 100)} % of the time`;
  const better = found.suggestedThreshold;
  return h("div", { class: "trial", role: "status" },
    h("p", null, h("b", null, `It would have fired ${found.count === 1 ? "once" : `${number(found.count)} times`}`),
      ` in 7 days (${duration(found.minutesFiring * 60)}${share}). For ${duration(found.minutesUncovered * 60)} there are no figures.`,
      better !== null && ` With ${quantity(better, unit)} it would fire at most once a week.`),
    found.episodes.length > 0 && h("ol", { class: "timeline" }, found.episodes.slice(-10).reverse().map((/** @type {any} */ one) =>
      h("li", { key: one.from }, h("time", { datetime: one.from }, moment(one.from, now)), ` ${duration(one.minutes * 60)}, worst ${quantity(one.worst, unit)}`))));
}
