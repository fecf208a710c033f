/** The rules: what watches, how each stands, and its editor with a trial on the past. */

import { condition, editor } from "./rule_editor.js";
import { exactly, moment } from "./times.js";
import { h } from "./view.js";
import { capital } from "./words.js";

/** @param {any} state @param {any} act */
export function rules(state, act) {
  const { data, error } = state.lists.rules ?? {};
  return h("section", { class: "list", "aria-labelledby": "rules-title" },
    h("h2", { id: "rules-title" }, "Rules"),
    error && h("p", { class: "refused", role: "alert" }, `The rules can’t be read: ${error}.`),
    !data && !error && h("p", { class: "quiet" }, "Reading …"),
    h("div", { class: "rules" }, data?.map((/** @type {any} */ known) => rule(known, state, act))));
}

function rule(/** @type {any} */ known, /** @type {any} */ state, /** @type {any} */ act) {
  const { id, name, severity, enabled } = known.rule;
  const isOpen = state.place.rule === id;
  return h("article", { class: `rule is-${severity} ${enabled ? "" : "is-off"}`, key: id },
    h("header", null,
      h("span", { class: "severity" }, capital(severity)), h("h3", null, name),
      h("p", { class: "standing-now" }, standings(known, state.now))),
    h("p", { class: "breach" }, `${capital(condition(known.rule))}${known.source === "shipped" ? "" : ` · ${origin(known, state.now)}`}`),
    h("button", {
      type: "button", "aria-expanded": String(isOpen),
      onclick: () => {
        act.change({ editor: null });
        act.go({ rule: isOpen ? null : id }, { replace: true });
      },
    }, isOpen ? "Close" : "Edit or try", h("span", { class: "hush" }, ` ${name}`)),
    isOpen && editor(known, state, act));
}

/** How the rule stands on each target, the last that was judged. */
function standings(/** @type {any} */ known, /** @type {Date} */ now) {
  if (!known.rule.enabled) return "Disabled";
  const all = Object.entries(known.states);
  if (!all.length) return "Not judged yet";
  return all.map(([target, one]) => h("span", { key: target, class: `state-${one.state}` },
    all.length > 1 && `${target}: `, capital(one.state),
    one.activeAt && h("time", { datetime: one.activeAt, title: exactly(one.activeAt) }, ` since ${moment(one.activeAt, now)}`),
    one.snoozedUntil && Date.parse(one.snoozedUntil) > now.getTime() && `, snoozed until ${moment(one.snoozedUntil, now)}`));
}

function origin(/** @type {any} */ { source, editedBy, editedAt }, /** @type {Date} */ now) {
  const by = editedBy ? ` by ${editedBy}, ${moment(editedAt, now)}` : "";
  return source === "own" ? `own rule${by}` : `edited${by}`;
}
