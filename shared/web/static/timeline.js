/** An episode's story, line by line, as GET alerts/{id} tells it. */

import { exactly, moment } from "./times.js";
import { h } from "./view.js";
import { capital, quantity, spaced } from "./words.js";

/** @param {any} story {timeline} or {error}; undefined while it is asked for @param {Date} now */
export function timeline(story, now) {
  if (!story) return h("p", { class: "quiet" }, "Reading …");
  if (story.error) return h("p", { class: "refused" }, `${capital(story.error)}.`);
  return h("ol", { class: "timeline" }, story.timeline.map((/** @type {any} */ line, /** @type {number} */ index) =>
    h("li", { key: String(index) },
      h("time", { datetime: line.at, title: exactly(line.at) }, moment(line.at, now)), " ", sentence(line, story))));
}

function sentence(/** @type {any} */ line, /** @type {any} */ story) {
  const value = line.value === null || line.value === undefined ? "" : ` at ${quantity(line.value, story.unit ?? "")}`;
  const reason = line.reason && line.reason !== line.kind ? ` (${spaced(line.reason)})` : "";
  return `${capital(spaced(line.kind))}${value}${line.by ? ` by ${line.by}` : ""}${reason}${line.note ? `: ${line.note}` : ""}`;
}
