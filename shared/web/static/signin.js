/** Signing in: by the platform, where its login is on, or by a token; refusals told kindly. */

import { h } from "./view.js";
import { capital } from "./words.js";

/** @param {any} state @param {any} act */
export function signIn(state, act) {
  const submit = (/** @type {any} */ event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    act.signIn(String(given.get("token")), given.has("keep"));
  };
  return h("section", { class: "sign-in", "aria-labelledby": "sign-in-title" },
    h("h2", { id: "sign-in-title" }, "Sign in"),
    h("p", { class: state.refusal?.wasTried ? "refused" : "", role: state.refusal?.wasTried ? "alert" : null }, why(state.refusal)),
    state.login && h("p", null, h("a", { class: "main button", href: state.login }, "Sign in with Microsoft")),
    h("form", { onsubmit: submit },
      h("label", null, "Access token",
        h("input", { type: "password", name: "token", required: true, autocomplete: "off", spellcheck: "false", autofocus: true })),
      state.mayKeep && h("label", { class: "check" }, h("input", { type: "checkbox", name: "keep" }), " Keep it until this tab is closed"),
      h("button", { type: "submit", class: "main" }, "Show the dashboard")),
    h("p", { class: "quiet" }, "The token stays in this tab’s memory and is sent to the monitor alone."));
}

/** @param {{code: string, message: string, wasTried: boolean} | null} refusal */
function why(refusal) {
  if (!refusal || refusal.code === "unauthenticated") return "The figures are for people with the role reader or admin.";
  if (refusal.code === "auth_not_configured") return `Nobody can sign in yet: ${refusal.message}.`;
  if (refusal.code === "forbidden") return `You are signed in, but ${refusal.message}. Ask whoever runs the monitor for it, or sign in as somebody else.`;
  if (refusal.code === "invalid_token") return `This token is not taken: ${refusal.message}.`;
  return `${capital(refusal.message)}.`;
}
