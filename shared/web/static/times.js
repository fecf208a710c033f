/**
 * Moments in the viewer's own zone, and what time it is for the monitor.
 *
 * Ages are told by the monitor's clock, as its newest answer shows it: the viewer's may be wrong,
 * and on the desk the world runs faster.
 */

const format = (/** @type {Intl.DateTimeFormatOptions} */ options) => new Intl.DateTimeFormat("en-GB", options);
const clock = format({ hour: "2-digit", minute: "2-digit" });
const seconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = format({ day: "numeric", month: "short" });
const full = format({ dateStyle: "medium", timeStyle: "long" });

/** The name of the viewer's zone. */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** @param {string | number | Date} at */
export const when = (at) => new Date(at);

/** 14:05, with the date when that is not today's. @param {string | number | Date} at @param {Date} now */
export function moment(at, now) {
  const date = when(at);
  return date.toDateString() === now.toDateString() ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

/** 14:05; at midnight the day that begins. @param {number} at */
export function tick(at) {
  const time = clock.format(at);
  return time === "00:00" ? day.format(at) : time;
}

/** @param {string | number | Date} at */
export const timeOfDay = (at) => seconds.format(when(at));

/** For a tooltip: date, seconds and zone. @param {string | number | Date} at */
export const exactly = (at) => full.format(when(at));

/** Seconds from one moment to another. @param {string | Date} from @param {string | Date} to */
export const between = (from, to) => (when(to).getTime() - when(from).getTime()) / 1000;

/** For <input type="datetime-local">. @param {Date} at */
export function local(at) {
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

/** As the API spells times. @param {Date} at */
export const iso = (at) => at.toISOString().replace(/\.\d+Z$/, "Z");

/** Tomorrow at 08:00 by the viewer's clock. @param {Date} now */
export function tomorrowMorning(now) {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 8);
}

/** The monitor's clock: set by each answer, running on in between. */
export class MonitorClock {
  #at = Date.now();
  #read = performance.now();

  /**
   * Set it by what an answer says of ages; where none is known, by the end of its range, whose last
   * step may be going on.
   *
   * @param {any} answer of GET metrics @param {any} meta
   */
  set(answer, { to, stepMinutes = 1 }) {
    const figures = Object.values(answer.currentMeta.metrics).filter((/** @type {any} */ one) => one.minute);
    const shown = figures.map((/** @type {any} */ one) => when(one.minute).getTime() + one.ageSeconds * 1000);
    const past = when(to ?? 0).getTime() - (stepMinutes - 1) * 60_000;
    const newest = Math.max(...(shown.length ? shown : [past]), when(answer.lastUpdated ?? 0).getTime());
    if (newest > 0) {
      this.#at = newest;
      this.#read = performance.now();
    }
  }

  now() {
    return new Date(this.#at + performance.now() - this.#read);
  }
}
