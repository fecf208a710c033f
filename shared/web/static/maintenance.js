/** Maintenance windows: when nobody is told; add one, end one. */

import { iso, local, moment, zone } from "./times.js";
import { h } from "./view.js";
import { capital, duration } from "./words.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const KINDS = [["now", "from now on"], ["once", "once"], ["recurring", "again and again"]];

/** @param {any} state @param {any} act */
export function maintenance(state, act) {
  const { data, error } = state.lists.maintenance ?? {};
  return h("section", { class: "list", "aria-labelledby": "maintenance-title" },
    h("h2", { id: "maintenance-title" }, "Maintenance"),
    h("p", { class: "quiet" }, "While a window holds, nobody is told; measuring goes on. What still fires when it ends is told then."),
    error && h("p", { class: "refused", role: "alert" }, `The windows can’t be read: ${error}.`),
    data?.length === 0 && h("p", { class: "nothing" }, "There is no window."),
    data?.map((/** @type {any} */ one) => windowCard(one, state, act)),
    form(state, act));
}

function windowCard(/** @type {any} */ one, /** @type {any} */ state, /** @type {any} */ act) {
  const about = [one.targets && `targets ${one.targets.join(", ")}`, one.rules && `rules ${one.rules.join(", ")}`, one.severities && `${one.severities.join(" and ")} only`].filter(Boolean);
  return h("article", { class: `rule ${one.holds ? "is-medium" : ""}`, key: one.id },
    h("header", null, h("h3", null, timeOf(one, state.now)),
      h("p", { class: "standing-now" }, one.holds ? `Holds until ${moment(one.holdsUntil, state.now)}` : "Does not hold now")),
    h("p", { class: "breach" }, [about.join("; ") || "everything", one.note, `by ${one.by}`].filter(Boolean).join(" · ")),
    h("button", { type: "button", onclick: () => end(one, act) }, "End it", h("span", { class: "hush" }, ` (${timeOf(one, state.now)})`)));
}

function timeOf(/** @type {any} */ { from, until, recurring }, /** @type {Date} */ now) {
  if (!recurring) return `${moment(from, now)} – ${moment(until, now)}`;
  const days = [recurring.weekdays?.map(capital).join(", "), recurring.days?.map((/** @type {number} */ one) => `day ${one}`).join(", ")].filter(Boolean).join(" and ");
  const end = recurring.end ? `to ${recurring.end}` : `for ${duration(recurring.minutes * 60)}`;
  return `${days || "Every day"} from ${recurring.start} ${end} (${recurring.zone})`;
}

function form(/** @type {any} */ state, /** @type {any} */ act) {
  const draft = state.window ?? { kind: "now", word: "" };
  const soon = new Date(Math.ceil(state.now.getTime() / 3_600_000) * 3_600_000);
  const later = new Date(soon.getTime() + 3_600_000);
  return h("form", { class: "editor", onsubmit: (/** @type {any} */ event) => add(event, draft, act) },
    h("h3", null, "A new window"),
    h("div", { class: "fields" },
      h("label", null, "When", h("select", { onchange: (/** @type {any} */ event) => act.change({ window: { ...draft, kind: event.target.value } }) },
        KINDS.map(([kind, label]) => h("option", { key: kind, value: kind, selected: kind === draft.kind }, label)))),
      draft.kind === "now" && input("minutes", "Minutes", "number", "60", { min: "1", max: "10080" }),
      draft.kind === "once" && [input("from", "From", "datetime-local", local(soon)), input("until", "Until", "datetime-local", local(later))],
      draft.kind === "recurring" && [input("start", "Start", "time", "22:00"), input("end", "End", "time", "07:00"), input("zone", "Zone", "text", zone)],
      input("note", "Note", "text", "", { required: false, maxlength: "1000" })),
    draft.kind === "recurring" && h("fieldset", null, h("legend", null, "On (every day when none is chosen)"), DAYS.map((day) => box("weekdays", day))),
    h("fieldset", null, h("legend", null, "About (everything when none is chosen)"), ["low", "medium", "high", "critical"].map((one) => box("severities", one))),
    draft.word && h("p", { class: draft.isRefused ? "refused" : "done", role: draft.isRefused ? "alert" : "status" }, draft.word),
    h("button", { type: "submit", class: "main" }, "Add the window"));
}

const input = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ type, /** @type {string} */ value, more = {}) =>
  h("label", { key: name }, label, h("input", { name, type, defaultValue: value, required: true, ...more }));

const box = (/** @type {string} */ name, /** @type {string} */ value) =>
  h("label", { class: "check", key: value }, h("input", { type: "checkbox", name, value }), ` ${capital(value)}`);

async function add(/** @type {any} */ event, /** @type {any} */ draft, /** @type {any} */ act) {
  event.preventDefault();
  const form = event.target;
  try {
    await act.api.post("maintenance", wish(new FormData(form), draft.kind));
    form.reset();
    act.change({ window: { kind: "now", word: "Added.", isRefused: false } });
    act.readList("maintenance");
  } catch (error) {
    act.change({ window: { ...draft, word: `Refused: ${/** @type {Error} */ (error).message}.`, isRefused: true } });
  }
}

/** The window as the API takes it. */
function wish(/** @type {FormData} */ given, /** @type {string} */ kind) {
  const text = (/** @type {string} */ name) => String(given.get(name) ?? "").trim();
  const some = (/** @type {string} */ name) => (given.has(name) ? { [name]: given.getAll(name) } : {});
  const note = text("note") ? { note: text("note") } : {};
  const about = { ...some("severities"), ...note };
  if (kind === "now") return { minutes: Number(text("minutes")), ...about };
  if (kind === "once") return { from: iso(new Date(text("from"))), until: iso(new Date(text("until"))), ...about };
  return { recurring: { start: text("start"), end: text("end"), zone: text("zone"), ...some("weekdays") }, ...about };
}

async function end(/** @type {any} */ one, /** @type {any} */ act) {
  const said = await act.api.delete(`maintenance/${one.id}`).then(() => ({ word: "Ended." }), (/** @type {Error} */ error) => ({ word: `Refused: ${error.message}.`, isRefused: true }));
  act.change({ window: { kind: "now", ...said } });
  act.readList("maintenance");
}
