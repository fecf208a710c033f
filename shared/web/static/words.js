/** Figures, units and durations as a person writes them. */

import catalog from "./catalog.js";

/** @typedef {number | null | undefined} Figure */

const SCALED = { bytes: ["B", "kB", "MB", "GB"] };
const UNITS = { count: "", "requests/min": "/min", "errors/min": "/min", users: "", "¤": "" };
const NO_BREAK = "\u00a0";
const formats = [0, 1, 2].map((digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits }));

const UNKNOWN = { unit: "", group: "", warning: null, critical: null, limit: null };

export const NOTHING = "–";

/** A number with as many digits as help. @param {Figure} value */
export function number(value) {
  if (value === null || value === undefined) return NOTHING;
  const size = Math.abs(value);
  return formats[size >= 100 ? 0 : size >= 10 ? 1 : 2].format(value);
}

/** A figure and its unit apart, for where they are set apart. @param {Figure} value @param {string} unit */
export function parts(value, unit) {
  const scale = SCALED[/** @type {keyof typeof SCALED} */ (unit)];
  if (!scale || value === null || value === undefined) {
    return [number(value), UNITS[/** @type {keyof typeof UNITS} */ (unit)] ?? unit];
  }
  const step = Math.min(Math.floor(Math.log(Math.max(Math.abs(value), 1)) / Math.log(1000)), scale.length - 1);
  return [number(value / 1000 ** step), scale[step]];
}

/** A figure with its unit. @param {Figure} value @param {string} unit */
export function quantity(value, unit) {
  if (value === null || value === undefined) return NOTHING;
  const [figure, shown] = parts(value, unit);
  return shown ? figure + (shown.startsWith("/") ? "" : NO_BREAK) + shown : figure;
}

/** What the catalog says of a metric; a name it does not know says itself. @param {string} name */
export function metric(name) {
  return { ...UNKNOWN, label: name, ...catalog.metrics[name] };
}

/** 42 s, 6 min, 3 h 20 min, 4 d 2 h. @param {number} seconds */
export function duration(seconds) {
  const s = Math.max(Math.round(seconds), 0);
  if (s < 60) return `${s}${NO_BREAK}s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes}${NO_BREAK}min`;
  if (minutes < 1440) return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
  return two(Math.floor(minutes / 1440), "d", Math.floor((minutes % 1440) / 60), "h");
}

function two(/** @type {number} */ large, /** @type {string} */ unit, /** @type {number} */ rest, /** @type {string} */ small) {
  const main = `${large}${NO_BREAK}${unit}`;
  return rest ? `${main} ${rest}${NO_BREAK}${small}` : main;
}

/** Figures of a sentence do not part from their units. @param {string} text */
export const whole = (text) => text.replace(/(\d) (?=[%a-z])/gi, `$1${NO_BREAK}`);

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** greater_than -> greater than. @param {string} name */
export const spaced = (name) => name.replaceAll("_", " ");

/** @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
