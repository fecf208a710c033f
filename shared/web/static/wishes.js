/**
 * What was asked for and is on its way: shown as if done, and taken back when refused. Alerts have
 * an `alertId`, advice has an `id`.
 *
 * @typedef {{isOnItsWay: boolean, changes: Record<string, any>, error?: string}} Wish
 */

import { capital } from "./words.js";

export class Wishes {
  /** @type {Map<string, Wish>} */
  #wishes = new Map();

  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
  }

  /** @param {string} id */
  get(id) {
    return this.#wishes.get(id);
  }

  /** Things as they would be if every wish were granted. @param {any[]} things */
  over(things) {
    return things.map((one) => ({ ...one, ...(this.get(idOf(one))?.changes ?? {}) }));
  }

  /**
   * Ask for it, and be shown `changes` meanwhile.
   *
   * @param {string} id @param {Record<string, any>} changes @param {() => Promise<{data: any}>} ask
   * @returns {Promise<any>} the thing as the API then has it; null when it was refused
   */
  async wish(id, changes, ask) {
    this.#set(id, { isOnItsWay: true, changes });
    try {
      const { data } = await ask();
      this.#wishes.delete(id);
      return data;
    } catch (error) {
      this.#set(id, { isOnItsWay: false, changes: {}, error: inWords(/** @type {any} */ (error)) });
      return null;
    }
  }

  /** A refusal is shown until its thing is gone. @param {any[]} things */
  heard(things) {
    const known = new Set(things.map(idOf));
    for (const id of this.#wishes.keys()) if (!known.has(id)) this.#wishes.delete(id);
  }

  #set(/** @type {string} */ id, /** @type {Wish} */ wish) {
    this.#wishes.set(id, wish);
    this.changed();
  }
}

const idOf = (/** @type {any} */ one) => one.alertId ?? one.id;

/** Without an answer, or after an error of the server's, it may have been done. */
function inWords(/** @type {import("./api.js").ApiError} */ { message, status }) {
  const end = status >= 400 && status < 500 ? "Nothing was changed." : "Whether it was done will show.";
  return `${capital(message)}. ${end}`;
}

/** What an alert will look like. @param {string} action @param {Date} now @param {number} [duration] minutes */
export function granted(action, now, duration = 0) {
  const at = now.toISOString();
  if (action === "acknowledge") return { acknowledgedBy: "you", acknowledgedAt: at };
  if (action === "snooze") return { snoozedUntil: new Date(now.getTime() + duration * 60_000).toISOString() };
  if (action === "unsnooze") return { snoozedUntil: null };
  return { resolvedBy: "you" };
}
