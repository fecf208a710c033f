/**
 * What was asked for alerts and is on its way: shown as if done, and taken back when refused.
 *
 * @typedef {{isOnItsWay: boolean, changes: Record<string, any>, error?: string}} Wish
 */

export class Wishes {
  /** @type {Map<string, Wish>} */
  #wishes = new Map();

  /**
   * @param {import("./api.js").Api} api @param {() => void} changed
   * @param {(alert: any) => void} settled told of the alert as the API then has it
   */
  constructor(api, changed, settled) {
    this.api = api;
    this.changed = changed;
    this.settled = settled;
  }

  /** @param {string} alertId */
  get(alertId) {
    return this.#wishes.get(alertId);
  }

  /** The alerts as they would be if every wish were granted. @param {any[]} alerts */
  over(alerts) {
    return alerts.map((alert) => ({ ...alert, ...(this.get(alert.alertId)?.changes ?? {}) }));
  }

  /** @param {any} alert @param {string} action @param {Date} now @param {number} [duration] minutes */
  async wish(alert, action, now, duration) {
    const { alertId } = alert;
    this.#set(alertId, { isOnItsWay: true, changes: granted(action, now, duration) });
    try {
      const { data } = await this.api.post("alerts", { alertId, action, ...(duration ? { duration } : {}) });
      this.#wishes.delete(alertId);
      this.settled(data);
    } catch (error) {
      this.#set(alertId, { isOnItsWay: false, changes: {}, error: inWords(/** @type {any} */ (error)) });
    }
  }

  /** A refusal is shown until its alert is gone. @param {any[]} alerts */
  heard(alerts) {
    const known = new Set(alerts.map((alert) => alert.alertId));
    for (const id of this.#wishes.keys()) if (!known.has(id)) this.#wishes.delete(id);
  }

  #set(/** @type {string} */ alertId, /** @type {Wish} */ wish) {
    this.#wishes.set(alertId, wish);
    this.changed();
  }
}

/** Without an answer, or after an error of the server's, it may have been done. */
function inWords(/** @type {import("./api.js").ApiError} */ { message, status }) {
  const end = status >= 400 && status < 500 ? "Nothing was changed." : "Whether it was done will show.";
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}. ${end}`;
}

/** What the alert will look like. */
function granted(/** @type {string} */ action, /** @type {Date} */ now, duration = 0) {
  const at = now.toISOString();
  if (action === "acknowledge") return { acknowledgedBy: "you", acknowledgedAt: at };
  if (action === "snooze") return { snoozedUntil: new Date(now.getTime() + duration * 60_000).toISOString() };
  if (action === "unsnooze") return { snoozedUntil: null };
  return { resolvedBy: "you" };
}
