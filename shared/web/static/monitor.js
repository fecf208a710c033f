/**
 * What the page knows and what can be done on it. Everything shown follows from `state`; whoever
 * changes it says so, and the page is drawn once, soon.
 */

import { Address } from "./address.js";
import { ApiError } from "./api.js";
import { columnsOf } from "./columns.js";
import { closeTabs, inTab } from "./tabs.js";
import { tabledRange } from "./tables.js";
import { granted, Wishes } from "./wishes.js";
import { iso, MonitorClock } from "./times.js";

const USUAL_INTERVAL_MS = 30_000;
const LEAST_INTERVAL_MS = 5_000;
/** A browser takes more than 24 days for none at all. */
const MOST_INTERVAL_MS = 86_400_000;
const AGES_EVERY_MS = 5_000;
const MOST_ALERTS = 100;
const SHORTEST_ZOOM_S = 300;
/** Advice changes every six hours, and days by name are a second's work: neither is asked for each time. */
const SLOW_MS = 300_000;
const ADVICE = {
  database: ["advice", { kind: "dtu", status: "all", target: null }],
  memory: ["advice", { kind: "memory", status: "all", target: null }],
};
/** What each view asks for, beside the figures and the alerts; `target`, `range`: the chosen ones. */
const LISTS = {
  overview: { audit: ["audit", { limit: 5, target: null }], ...ADVICE },
  advice: ADVICE,
  business: { business: ["business", { target: null, range: null }] },
  security: { security: ["security", { target: null, range: null }] },
  rules: { rules: ["rules"] },
  maintenance: { maintenance: ["maintenance"] },
  deliveries: { deliveries: ["deliveries", { limit: 200, target: null }], channels: ["channels"] },
};

/** Over longer spans what was unusual would only cost. */
const MOST_JUDGED_MS = 60 * 86_400_000;
const NOT_JUDGED = ["90d", "1y"];

export class Monitor {
  #api;
  #draw;
  #clock = new MonitorClock();
  #timers = /** @type {number[]} */ ([]);
  #drawing = false;
  #asked = 0;
  #isAsking = false;
  /** By what is asked for: the newest question. */
  #newest = /** @type {Record<string, any>} */ ({});

  /**
   * @param {import("./api.js").Api} api
   * @param {{isPage: boolean, interval: number | null, showsAlerts: boolean}} options
   * @param {(state: any, act: any) => void} draw
   */
  constructor(api, options, draw) {
    this.#api = api;
    this.#draw = draw;
    this.address = new Address(options.isPage, () => this.#moved());
    this.wishes = new Wishes(() => this.change({}));
    this.state = {
      ...options,
      place: this.address.place,
      phase: "loading",
      board: /** @type {any} */ (null),
      alerts: /** @type {any[]} */ ([]),
      marks: /** @type {any[]} */ ([]),
      health: /** @type {any} */ (null),
      failure: /** @type {ApiError | null} */ (null),
      refusal: /** @type {any} */ (null),
      login: /** @type {string | null} */ (null),
      mayKeep: api.session.mayKeep,
      paused: false,
      isFull: false,
      isHelping: false,
      open: new Set(),
      stories: new Map(),
      lists: /** @type {Record<string, {data?: any, meta?: any, at?: number, error?: string}>} */ ({}),
      editor: /** @type {any} */ (null),
      window: /** @type {any} */ (null),
      sent: /** @type {any} */ (null),
      copied: /** @type {any} */ (null),
    };
    this.act = this.#actions();
  }

  start() {
    document.addEventListener("visibilitychange", this.#seen);
    this.#timers.push(setInterval(() => this.change({}), AGES_EVERY_MS));
    this.#readHealth();
    this.refresh();
  }

  /** What is on its way is let go: it would ask on for ever where nobody sees it. */
  stop() {
    this.#asked++;
    this.#newest = {};
    document.removeEventListener("visibilitychange", this.#seen);
    this.address.close();
    this.#timers.forEach(clearInterval);
    clearTimeout(this.#next);
  }

  get every() {
    const { place, interval } = this.state;
    const wanted = place.refresh ? place.refresh * 1000 : interval ?? USUAL_INTERVAL_MS;
    return Math.min(Math.max(wanted, LEAST_INTERVAL_MS), MOST_INTERVAL_MS);
  }

  /** Take the element's attributes as they are now. @param {Record<string, any>} options */
  suit(options) {
    this.change(options);
    this.#schedule();
  }

  /** @param {Record<string, any>} changes */
  change(changes) {
    Object.assign(this.state, changes);
    if (this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => {
      this.#drawing = false;
      this.#draw(this.#shown(), this.act);
    });
  }

  /** The state as it is drawn: with the time, and with what was wished for and is on its way. */
  #shown() {
    const { state } = this;
    const board = state.board && { ...state.board, data: { ...state.board.data, alerts: this.wishes.over(state.board.data.alerts) } };
    return {
      ...state, board, alerts: this.wishes.over(state.alerts), wishes: this.wishes,
      now: this.#clock.now(), every: this.every,
    };
  }

  /** Ask for everything that is shown; an answer that comes after a newer question is let go. */
  refresh = async () => {
    clearTimeout(this.#next);
    const asking = ++this.#asked;
    this.#isAsking = true;
    const { place } = this.state;
    const span = place.from ? { from: place.from, to: place.to } : { range: place.range };
    const target = place.target;
    try {
      const [metrics, alerts] = await Promise.all([
        this.#api.get("metrics", { ...span, target, format: "columns", usual: isJudged(place) ? 1 : null }),
        this.#api.get("alerts", { state: "all", target, limit: MOST_ALERTS }),
      ]);
      if (asking !== this.#asked) return;
      this.#isAsking = false;
      this.#received(metrics, alerts.data);
    } catch (error) {
      if (asking !== this.#asked) return;
      this.#isAsking = false;
      this.#failed(/** @type {ApiError} */ (error));
    }
    this.#schedule();
  };

  #next = 0;

  #schedule() {
    const { paused, phase } = this.state;
    clearTimeout(this.#next);
    if (!paused && phase !== "signIn") this.#next = setTimeout(this.refresh, this.every);
  }

  #received(/** @type {any} */ metrics, /** @type {any[]} */ newest) {
    const { data, meta, isKept } = metrics;
    // What goes on may be older than the newest that were asked for.
    const known = new Set(newest.map((one) => one.alertId));
    const alerts = [...newest, ...data.alerts.filter((/** @type {any} */ one) => !known.has(one.alertId))];
    const isNew = data !== this.state.board?.answer;
    if (isNew && !isKept) this.#clock.set(data, meta);
    const { database, memory } = this.state.lists;
    this.wishes.heard([...alerts, ...[database, memory].flatMap((list) => list?.data?.recommendations ?? [])]);
    const board = isNew ? { answer: data, data, meta, columns: columnsOf(data.historical) } : this.state.board;
    // Those of another range would stand at the edges until the new ones are there.
    const [first, last] = [board.meta.from, board.meta.to].map((at) => Date.parse(at) / 1000);
    const marks = this.state.marks.filter((/** @type {any} */ { at }) => at >= first && at <= last);
    this.change({ phase: "ready", failure: null, refusal: null, board, alerts, marks });
    this.#readDeployments(board.meta);
    this.#readLists();
    this.#readOpenStories();
  }

  #failed(/** @type {ApiError} */ error) {
    if (error.isAboutWho || (error.status === 403 && !this.state.board)) {
      const wasTried = this.#api.session.token !== null;
      this.#findLogin();
      this.change({ phase: "signIn", refusal: { code: error.code, message: error.message, wasTried } });
    } else this.change({ failure: error });
  }

  /** The platform's login page, where its authentication is on; its cookie is the page's own. */
  async #findLogin() {
    if (this.#api.base.origin !== location.origin) return;
    const found = await fetch(new URL("/.auth/me", this.#api.base)).catch(() => null);
    const isOn = found?.ok || found?.status === 401;
    const back = encodeURIComponent(location.href);
    this.change({ login: isOn ? new URL(`/.auth/login/aad?post_login_redirect_uri=${back}`, this.#api.base).href : null });
  }

  /** The marks on the charts; the page is whole without them. */
  async #readDeployments(/** @type {any} */ meta) {
    const { from, to, target } = meta;
    const found = await this.#api.get("deployments", { from, to, target }).catch(() => null);
    // Another range may be drawn by now.
    if (this.state.board?.meta !== meta) return;
    const marks = found?.data.deployments ?? [];
    this.change({ marks: marks.map((/** @type {any} */ one) => ({ at: Date.parse(one.at) / 1000, version: one.version })) });
  }

  async #readHealth() {
    const health = await this.#api.get("health").catch(() => null);
    if (health) this.change({ health: health.data });
  }

  #readLists() {
    const { lists, place } = this.state;
    const wanted = LISTS[/** @type {keyof typeof LISTS} */ (place.view)] ?? {};
    const days = tabledRange(place).endsWith("d") ? tabledRange(place) : null;
    const isSlow = (/** @type {string} */ name) => (name in ADVICE ? place.view === "overview" : days !== null && lists[name]?.meta?.range === days);
    const isGood = (/** @type {string} */ name) => isSlow(name) && Date.now() - (lists[name]?.at ?? 0) < SLOW_MS;
    for (const name of Object.keys(wanted)) if (!isGood(name)) this.readList(name);
  }

  /** Read a list anew; the old one stays when that fails. */
  async readList(/** @type {string} */ name) {
    const all = /** @type {Record<string, any>} */ (Object.assign({}, ...Object.values(LISTS)));
    const [path, query] = all[name];
    const { place } = this.state;
    const asked = { ...query, ...(query && "target" in query && { target: place.target }), ...(query && "range" in query && { range: tabledRange(place) }) };
    const found = await this.#newestOf(name, this.#api.get(path, asked).then(({ data, meta }) => ({ data, meta, at: Date.now() }), (error) => ({ error: error.message })));
    if (found) this.#list(name, { error: undefined, ...found });
  }

  #list(/** @type {string} */ name, /** @type {any} */ changes) {
    this.change({ lists: { ...this.state.lists, [name]: { ...this.state.lists[name], ...changes } } });
  }

  /** What is answered, unless it was asked for again meanwhile, or by somebody who signed out. */
  async #newestOf(/** @type {string} */ name, /** @type {Promise<any>} */ answer) {
    this.#newest[name] = answer;
    const found = await answer;
    return this.#newest[name] === answer ? found : null;
  }

  #readOpenStories() {
    const { alerts, open, place } = this.state;
    const ids = alerts.map((one) => one.alertId).filter((id) => open.has(`story-${id}`));
    new Set(place.alert ? [place.alert, ...ids] : ids).forEach((id) => this.#readStory(id));
  }

  async #readStory(/** @type {string} */ id) {
    const found = await this.#newestOf(id, this.#api.get(`alerts/${encodeURIComponent(id)}`).then(({ data }) => data, (error) => ({ error: error.message })));
    if (found) this.change({ stories: new Map(this.state.stories).set(id, found) });
  }

  /** The API's word about an alert replaces ours. */
  #settled(/** @type {any} */ alert) {
    const replaced = (/** @type {any[]} */ all) => all.map((one) => (one.alertId === alert.alertId ? alert : one));
    const open = replaced(this.state.board?.data.alerts ?? []).filter((one) => one.state === "firing");
    const board = this.state.board && { ...this.state.board, data: { ...this.state.board.data, alerts: open } };
    this.change({ board, alerts: replaced(this.state.alerts) });
    // What is on its way may know nothing of it; and how it stands may be better without it.
    if (this.#isAsking || alert.state !== "firing") this.refresh();
    this.#readOpenStories();
  }

  /** Likewise about advice; what all of it would save has changed, too. */
  #decided(/** @type {string} */ name, /** @type {any} */ said) {
    const data = this.state.lists[name]?.data;
    // Another target may be shown by now, or nobody be signed in.
    if (!data) return;
    const recommendations = data.recommendations.map((/** @type {any} */ one) => (one.id === said.id ? { ...one, ...said } : one));
    this.#list(name, { data: { ...data, recommendations } });
    this.readList(name);
  }

  /** Lists may be about another target, or somebody who signed out; so may what is on its way. */
  #forget() {
    this.#newest = {};
    this.change({ lists: {}, stories: new Map() });
  }

  #moved() {
    const { place } = this.address;
    const before = this.state.place;
    this.change({ place });
    if (before.target !== place.target) this.#forget();
    const asked = (/** @type {any} */ one) => [one.range, one.from, one.to, one.target].join();
    if (asked(before) !== asked(place)) this.refresh();
    else if (before.view !== place.view) this.#readLists();
    if (place.alert && !this.state.stories.has(place.alert)) this.#readStory(place.alert);
    if (before.refresh !== place.refresh) this.#schedule();
  }

  #seen = () => {
    if (!document.hidden && !this.state.paused && this.state.phase !== "signIn") this.refresh();
  };

  #actions() {
    const go = this.address.go.bind(this.address);
    return {
      api: this.#api,
      go,
      link: this.address.link.bind(this.address),
      /** A plain click stays on the page; any other is the browser's own. */
      follow: (/** @type {any} */ changes) => (/** @type {MouseEvent} */ event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
        event.preventDefault();
        go(changes);
      },
      change: (/** @type {any} */ changes) => this.change(changes),
      /** Change a rule's draft as it is by now: somebody may have typed while an answer was awaited. */
      edit: (/** @type {any} */ draft, /** @type {any} */ changes) => {
        const { editor, place } = this.state;
        if (place.rule === draft.id) this.change({ editor: { ...(editor?.id === draft.id ? editor : draft), ...changes } });
      },
      report: (/** @type {string} */ range) =>
        inTab(() => this.#api.get("report", { range, format: "html", target: this.state.place.target })).catch((error) => this.#failed(error)),
      readList: (/** @type {string} */ name) => this.readList(name),
      refresh: this.refresh,
      pause: () => {
        this.change({ paused: !this.state.paused });
        if (this.state.paused) this.#schedule();
        else this.refresh();
      },
      zoom: (/** @type {number} */ from, /** @type {number} */ to) => {
        const middle = (from + to) / 2;
        const half = Math.max(to - from, SHORTEST_ZOOM_S) / 2;
        const minute = (/** @type {number} */ at) => iso(new Date(Math.round(at / 60) * 60_000));
        go({ from: minute(middle - half), to: minute(middle + half) });
      },
      unzoom: () => this.state.place.from && go({ from: null, to: null }),
      toggle: (/** @type {string} */ name) => this.#open(name, !this.state.open.has(name)),
      toggled: (/** @type {string} */ name) => (/** @type {any} */ event) => this.#open(name, event.target.open),
      toggledStory: (/** @type {any} */ alert, /** @type {string} */ name) => (/** @type {any} */ event) => {
        this.#open(name, event.target.open);
        if (event.target.open) this.#readStory(alert.alertId);
      },
      onAlert: async (/** @type {any} */ { alertId }, /** @type {string} */ action, /** @type {number} */ duration) => {
        const asked = { alertId, action, ...(duration ? { duration } : {}) };
        const alert = await this.wishes.wish(alertId, granted(action, this.#clock.now(), duration), () => this.#api.post("alerts", asked));
        if (alert) this.#settled(alert);
      },
      onAdvice: async (/** @type {any} */ { id, area }, /** @type {string} */ status) => {
        const { target } = this.state.board.meta;
        const shown = { status, changedBy: "you", changedAt: this.#clock.now() };
        const said = await this.wishes.wish(id, shown, () => this.#api.patch(`advice/${id}?target=${target}`, { status }));
        if (said) this.#decided(area === "memory" ? "memory" : "database", said);
      },
      copy: async (/** @type {string} */ key, /** @type {string} */ text) => {
        // Where the page came without TLS, a browser has no clipboard for it.
        const copying = navigator.clipboard?.writeText(text) ?? Promise.reject();
        const word = await copying.then(() => "Copied", () => "Select it by hand");
        this.change({ copied: { key, word } });
      },
      signIn: (/** @type {string} */ token, /** @type {boolean} */ keep) => {
        this.#api.session.signIn(token, keep);
        this.#api.forget();
        this.change({ phase: "loading" });
        this.refresh();
      },
      signOut: () => this.#signOut(),
      help: () => this.change({ isHelping: !this.state.isHelping }),
    };
  }

  #open(/** @type {string} */ name, /** @type {boolean} */ isOpen) {
    if (this.state.open.has(name) === isOpen) return;
    const open = new Set(this.state.open);
    if (isOpen) open.add(name);
    else open.delete(name);
    this.change({ open });
  }

  /** Nothing of what was seen stays behind. */
  #signOut() {
    const byPlatform = this.#api.session.token === null;
    this.#api.session.signOut();
    this.#api.forget();
    this.#asked++;
    this.#isAsking = false;
    this.#forget();
    closeTabs();
    clearTimeout(this.#next);
    this.change({ phase: "signIn", board: null, alerts: [], editor: null, window: null, sent: null, refusal: null, failure: null });
    if (byPlatform) location.assign(new URL(`/.auth/logout?post_logout_redirect_uri=${encodeURIComponent(location.pathname)}`, this.#api.base));
  }
}

function isJudged(/** @type {import("./address.js").Place} */ { range, from, to }) {
  return from && to ? Date.parse(to) - Date.parse(from) <= MOST_JUDGED_MS : !NOT_JUDGED.includes(range);
}
