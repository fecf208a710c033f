/**
 * <pantry-monitor refresh-interval="30000" alerts-enabled="true">: the whole dashboard as an
 * element, on its own page and in anybody else's. What it needs lies beside this file.
 *
 * `refresh-interval` in milliseconds; `alerts-enabled="false"` leaves the episodes out; `theme` is
 * auto, light or dark; `page`: the page is ours, with its address and its keys. `element.token`
 * signs in.
 */

import { Api } from "./api.js";
import { pressed } from "./keys.js";
import { Monitor } from "./monitor.js";
import { page, titled } from "./page.js";
import { Session } from "./session.js";
import { render } from "./view.js";
import { THEMES } from "./address.js";

const HERE = new URL(".", import.meta.url);
const API = new URL(import.meta.url.replace(/\/dashboard\/.*$/, "/"));
const SHEET = "dashboard.css";

class PantryMonitor extends HTMLElement {
  static observedAttributes = ["refresh-interval", "alerts-enabled", "theme"];

  /** @type {Monitor | null} */
  #monitor = null;
  #session = new Session(this.hasAttribute("page"));
  #dark = matchMedia("(prefers-color-scheme: dark)");

  /** Sign in with a token of the monitor's API. @param {string} token */
  set token(token) {
    if (this.#monitor) this.#monitor.act.signIn(token, false);
    else this.#session.signIn(token, false);
  }

  async connectedCallback() {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    const place = root.appendChild(document.createElement("div"));
    place.hidden = true;
    await styled(root, SHEET);
    place.hidden = false;
    if (!place.isConnected) return;
    const monitor = new Monitor(new Api(API, this.#session), this.#options(), (state, act) => this.#draw(place, state, act));
    this.#monitor = monitor;
    Object.assign(monitor.act, { fullscreen: this.#fullscreen, nextTheme: this.#nextTheme });
    if (this.hasAttribute("page")) addEventListener("keydown", this.#key);
    this.#dark.addEventListener("change", this.#relit);
    document.addEventListener("fullscreenchange", this.#resized);
    monitor.start();
    monitor.change({});
  }

  disconnectedCallback() {
    removeEventListener("keydown", this.#key);
    document.removeEventListener("fullscreenchange", this.#resized);
    this.#dark.removeEventListener("change", this.#relit);
    this.#monitor?.stop();
    this.#monitor = null;
    this.shadowRoot?.replaceChildren();
  }

  attributeChangedCallback() {
    this.#monitor?.suit(this.#options());
  }

  #options() {
    return {
      isPage: this.hasAttribute("page"),
      interval: Number(this.getAttribute("refresh-interval")) || null,
      showsAlerts: this.getAttribute("alerts-enabled") !== "false",
    };
  }

  /** `look`: what the charts are drawn for; it changes when their colours do. */
  #draw(/** @type {Element} */ place, /** @type {any} */ state, /** @type {any} */ act) {
    const given = this.getAttribute("theme") ?? "auto";
    const theme = state.place.theme !== "auto" ? state.place.theme : THEMES.includes(given) ? given : "auto";
    const look = theme === "auto" ? (this.#dark.matches ? "dark" : "light") : theme;
    if (state.isPage) {
      document.documentElement.dataset.theme = theme;
      document.title = titled(state);
    }
    /** @type {HTMLElement} */ (place).dataset.theme = theme;
    place.className = "root";
    render(place, page({ ...state, look }, act));
  }

  #key = (/** @type {KeyboardEvent} */ event) => {
    if (this.#monitor && !event.defaultPrevented) pressed(event, this.#monitor.state, this.#monitor.act);
  };

  #relit = () => this.#monitor?.change({});

  #resized = () => this.#monitor?.change({ isFull: document.fullscreenElement === this });

  #fullscreen = () => (document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen());

  #nextTheme = () => {
    const { act, state } = /** @type {Monitor} */ (this.#monitor);
    act.go({ theme: THEMES[(THEMES.indexOf(state.place.theme) + 1) % THEMES.length] }, { replace: true });
  };
}

/** A style sheet in place, or the page without it: words are better than nothing. */
function styled(/** @type {ShadowRoot} */ root, /** @type {string} */ name) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(name, HERE).href;
  const done = new Promise((resolve) => {
    link.onload = link.onerror = resolve;
  });
  root.append(link);
  return done;
}

customElements.define("pantry-monitor", PantryMonitor);
