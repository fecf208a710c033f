/** Single keys for the page itself, which can be switched off, and the sheet that names them. */

import { RANGES, VIEWS } from "./address.js";
import { h } from "./view.js";

const OFF = "pantry-monitor.keys-off";
let isOff = false;
try {
  isOff = sessionStorage.getItem(OFF) === "1";
} catch {
  // Storage can be switched off.
}

/** @type {[string, string][]} */
const KEYS = [
  ["r", "refresh"], ["p", "pause or resume"], ["f", "full screen"], ["t", "next theme"],
  ["1 – 8", `view: ${VIEWS.join(", ")}`], ["[ ]", "shorter or longer range"], ["z", "back from a zoom"], ["?", "this help"],
];

/** Do what a key stands for. @param {KeyboardEvent} event @param {any} state @param {any} act */
export function pressed(event, state, act) {
  if (event.key === "Escape" && state.isHelping) return act.help();
  const isTyping = event.composedPath()[0] instanceof HTMLElement && /** @type {HTMLElement} */ (event.composedPath()[0]).matches("input, textarea, select");
  if (isOff || isTyping || event.ctrlKey || event.metaKey || event.altKey || state.phase === "signIn") return undefined;
  const view = VIEWS[Number(event.key) - 1];
  if (view) return act.go({ view, rule: null, alert: null, advice: null });
  const range = RANGES.indexOf(state.place.range);
  const does = /** @type {Record<string, () => void>} */ ({
    r: act.refresh, p: act.pause, f: act.fullscreen, t: act.nextTheme, z: act.unzoom, "?": act.help,
    "[": () => act.go({ range: RANGES[Math.max(range - 1, 0)], from: null, to: null }),
    "]": () => act.go({ range: RANGES[Math.min(range + 1, RANGES.length - 1)], from: null, to: null }),
  });
  return does[event.key]?.();
}

/** @param {any} act */
export function help(act) {
  return h("section", { class: "help", role: "dialog", "aria-modal": "false", "aria-labelledby": "help-title" },
    h("h2", { id: "help-title" }, "Keys"),
    h("dl", null, KEYS.map(([key, what]) => h("div", { key }, h("dt", null, h("kbd", null, key)), h("dd", null, what)))),
    h("p", null, "On a chart: arrow keys read the figures, Page Up and Page Down go ten steps, Home and End to the ends, + zooms in, - zooms out. With the mouse, drag to zoom."),
    h("label", { class: "check" }, h("input", { type: "checkbox", checked: !isOff, onchange: (/** @type {any} */ event) => switchKeys(event.target.checked) }), " Single keys are on"),
    h("button", { type: "button", class: "main", onclick: act.help }, "Close"));
}

function switchKeys(/** @type {boolean} */ isOn) {
  isOff = !isOn;
  try {
    sessionStorage.setItem(OFF, isOn ? "0" : "1");
  } catch {
    // As above.
  }
}
