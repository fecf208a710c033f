/** The monitor's API: one method a verb, and its refusals as errors with the API's own sentence. */

const PATIENCE_MS = 20_000;
const MOST_KEPT = 20;

export class ApiError extends Error {
  /** @param {number} status 0: there was no answer @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** Whether the monitor is what fails, and not what was asked of it. */
  get isAboutUs() {
    return this.status >= 500 || this.code === "no_answer";
  }

  /** Whether signing in, or signing in as somebody else, would help. */
  get isAboutWho() {
    return this.status === 401;
  }
}

/** @typedef {{data: any, meta: any, isKept?: boolean}} Answer `isKept`: heard before, and still true */

export class Api {
  /** The newest answer to each question, so that one that would say the same need not come again. */
  #kept = /** @type {Map<string, {etag: string, answer: Answer}>} */ (new Map());

  /** @param {URL} base ends with a slash @param {import("./session.js").Session} session */
  constructor(base, session) {
    this.base = base;
    this.session = session;
  }

  /** @param {string} path @param {Record<string, string | number | null | undefined>} [query] */
  get(path, query = {}) {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, String(value));
    }
    return this.#ask(url, { method: "GET" });
  }

  /** @param {string} path @param {any} [body] */
  post(path, body) {
    return this.#write("POST", path, body);
  }

  /** @param {string} path @param {any} body */
  patch(path, body) {
    return this.#write("PATCH", path, body);
  }

  /** @param {string} path @param {any} body @param {Record<string, string>} [headers] */
  put(path, body, headers) {
    return this.#write("PUT", path, body, headers);
  }

  /** @param {string} path @param {Record<string, string>} [headers] */
  delete(path, headers) {
    return this.#write("DELETE", path, undefined, headers);
  }

  #write(/** @type {string} */ method, /** @type {string} */ path, /** @type {any} */ body, headers = {}) {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const said = { "Content-Type": "application/json", ...headers };
    return this.#ask(new URL(path, this.base), { method, headers: said, ...sent });
  }

  /** @returns {Promise<Answer>} */
  async #ask(/** @type {URL} */ url, /** @type {RequestInit} */ request) {
    const headers = new Headers(request.headers);
    if (this.session.token) headers.set("Authorization", `Bearer ${this.session.token}`);
    const kept = request.method === "GET" ? this.#kept.get(url.href) : undefined;
    if (kept) headers.set("If-None-Match", kept.etag);
    const response = await answered(url, { ...request, headers });
    if (kept && response.status === 304) return { ...kept.answer, isKept: true };
    if (response.ok && url.searchParams.get("format") === "html") return { data: await response.blob(), meta: null };
    const body = await response.json().catch(() => null);
    if (response.ok && body?.success) return this.#keep(url, request, response, { data: body.data, meta: body.meta });
    const { code, message } = body?.error ?? { code: "no_answer", message: "the answer can't be read" };
    throw new ApiError(response.status, code, message);
  }

  #keep(/** @type {URL} */ url, /** @type {RequestInit} */ request, /** @type {Response} */ response, /** @type {Answer} */ answer) {
    const etag = response.headers.get("ETag");
    if (request.method === "GET" && etag) this.#kept.set(url.href, { etag, answer });
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value ?? "");
    return answer;
  }

  /** What was kept was for whoever was signed in. */
  forget() {
    this.#kept.clear();
  }
}

async function answered(/** @type {URL} */ url, /** @type {RequestInit} */ request) {
  try {
    return await fetch(url, { ...request, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(0, "no_answer", late ? "the API did not answer in time" : "the API can't be reached");
  }
}
