/**
 * Who is signed in: by the platform's login, whose cookie goes along by itself, or by a token.
 *
 * A token lives in memory; when asked for, in this tab's sessionStorage. Never longer.
 */

const KEPT = "pantry-monitor.token";

export class Session {
  /** @type {string | null} */
  #token = null;

  /** @param {boolean} mayKeep whether this page's storage is ours to use */
  constructor(mayKeep) {
    this.mayKeep = mayKeep;
    this.#token = mayKeep ? readToken() : null;
  }

  get token() {
    return this.#token;
  }

  /** @param {string} token @param {boolean} keep until the tab is closed */
  signIn(token, keep) {
    this.#token = token.trim().replace(/^Bearer\s+/i, "");
    if (this.mayKeep && keep) writeToken(this.#token);
  }

  signOut() {
    this.#token = null;
    if (this.mayKeep) writeToken(null);
  }
}

/** Storage can be switched off: then a token lives in memory alone. */
function readToken() {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function writeToken(/** @type {string | null} */ token) {
  try {
    if (token === null) sessionStorage.removeItem(KEPT);
    else sessionStorage.setItem(KEPT, token);
  } catch {
    // As above.
  }
}
