/** What a rule asks of a metric and what an alert's figures are of, in the words of the messages. */

import { duration, metric, quantity, spaced } from "./words.js";

const ASKED = /** @type {Record<string, string>} */ ({ rate_of_change: "changing by more than", forecast: "reaches", anomaly: "above" });

/** A score and a slope have not the metric's. @param {any} member */
export function unitOf({ metric: name, condition }) {
  const { unit } = metric(name);
  return condition === "anomaly" ? "of 1" : condition === "rate_of_change" ? `${unit}/min` : unit;
}

/** What is judged. @param {any} one of a rule's members, or an alert */
export function judged({ metric: name, condition }) {
  const { label } = metric(name);
  return condition === "anomaly" ? `Unusualness of ${label}` : label;
}

/** greater than 95 %; reaches 1,600 MB within 6 h. @param {any} one as above @param {string} unit */
export function asks({ condition, threshold, withinHours }, unit) {
  const limit = (threshold ?? null) === null ? "" : ` ${quantity(threshold, unit)}`;
  return `${ASKED[condition] ?? spaced(condition)}${limit}${withinHours ? ` within ${duration(withinHours * 3600)}` : ""}`;
}

/** When a forecast will come true; nothing of other alerts. @param {any} alert */
export function foreseen({ forecastHours, threshold, unit }) {
  const limit = quantity(threshold, unit);
  if (!forecastHours) return forecastHours === 0 && `has reached ${limit}`;
  return `reaches ${limit} in about ${duration(forecastHours * 3600)}`;
}
