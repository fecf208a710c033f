/** Pages of the API in tabs of their own: a link to them would carry no token. */

import { ApiError } from "./api.js";

/** What takes back what was shown. @type {(() => void)[]} */
const takingBack = [];

/** Show what is asked for. @param {() => Promise<import("./api.js").Answer>} ask */
export async function inTab(ask) {
  // The tab comes with the click, or the browser would refuse it.
  const tab = open();
  if (!tab) throw new ApiError(0, "no_tab", "your browser lets this page open no tab: allow it pop-ups");
  takingBack.push(() => tab.close());
  tab.document.body.append("The report is on its way …");
  try {
    // It begins with a copy of what this tab keeps, which no sign-out would reach.
    tab.sessionStorage.clear();
  } catch {
    // Storage is switched off.
  }
  try {
    const { data } = await ask();
    if (tab.closed) return;
    const url = URL.createObjectURL(data);
    takingBack.push(() => URL.revokeObjectURL(url));
    tab.location.assign(url);
  } catch (error) {
    // Whoever closed it waits for nothing.
    if (tab.closed) return;
    tab.close();
    throw error;
  }
}

/** Nothing of it stays behind. */
export function closeTabs() {
  for (const one of takingBack.splice(0)) one();
}
