/**
 * Where one is on the page: what is shown, over which range. On the page itself the address bar
 * says it, so that a link or the back button leads there; an embedded element keeps it to itself.
 */

export const RANGES = ["15m", "1h", "3h", "6h", "12h", "24h", "3d", "7d", "30d", "90d", "1y"];
export const VIEWS = ["overview", "episodes", "advice", "business", "security", "rules", "maintenance", "deliveries"];
/** Of advice: what is open, and what people decided. */
export const SHELVES = ["open", "done", "dismissed"];
export const THEMES = ["auto", "light", "dark"];

/**
 * @typedef {{view: string, range: string, from: string | null, to: string | null, theme: string,
 *   refresh: number | null, target: string | null, alert: string | null, rule: string | null,
 *   advice: string | null, status: string}} Place
 */

/** @type {Place} */
const DEFAULT = {
  view: "overview", range: "1h", from: null, to: null, theme: "auto", refresh: null,
  target: null, alert: null, rule: null, advice: null, status: "open",
};

export class Address {
  /** @param {boolean} isPage @param {(place: Place) => void} onMove */
  constructor(isPage, onMove) {
    this.isPage = isPage;
    this.onMove = onMove;
    this.place = isPage ? read(location.search) : DEFAULT;
    if (isPage) addEventListener("popstate", this.#back);
  }

  close() {
    removeEventListener("popstate", this.#back);
  }

  /** Go where these parts of the place are others. @param {Partial<Place>} changes */
  go(changes, { replace = false } = {}) {
    this.place = { ...this.place, ...changes };
    if (this.isPage) history[replace ? "replaceState" : "pushState"](null, "", this.link({}));
    this.onMove(this.place);
  }

  /** The address of another place. @param {Partial<Place>} changes */
  link(changes) {
    const query = written({ ...this.place, ...changes });
    return query ? `?${query}` : location.pathname;
  }

  #back = () => {
    this.place = read(location.search);
    this.onMove(this.place);
  };
}

/** @param {string} search @returns {Place} */
export function read(search) {
  const given = new URLSearchParams(search);
  const oneOf = (/** @type {string} */ name, /** @type {string[]} */ known, /** @type {string} */ other) =>
    known.includes(given.get(name) ?? "") ? /** @type {string} */ (given.get(name)) : other;
  const isSpan = isTime(given.get("from")) && isTime(given.get("to"));
  return {
    view: oneOf("view", VIEWS, DEFAULT.view),
    range: oneOf("range", RANGES, DEFAULT.range),
    from: isSpan ? given.get("from") : null,
    to: isSpan ? given.get("to") : null,
    theme: oneOf("theme", THEMES, DEFAULT.theme),
    refresh: Number(given.get("refresh")) || null,
    target: given.get("target"),
    alert: given.get("alert"),
    rule: given.get("rule"),
    advice: given.get("advice"),
    status: oneOf("status", SHELVES, DEFAULT.status),
  };
}

/** What is as usual is not written. @param {Place} place */
export function written(place) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(place)) {
    const usual = DEFAULT[/** @type {keyof Place} */ (name)];
    if (value !== null && value !== usual) said.set(name, String(value));
  }
  return said.toString();
}

const isTime = (/** @type {string | null} */ text) => text !== null && !Number.isNaN(Date.parse(text));
