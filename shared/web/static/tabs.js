/** Pages of the API in tabs of their own: a link to them would carry no token. */

/** Show one that is on its way. @param {Promise<import("./api.js").Answer>} page */
export async function inTab(page) {
  // The tab comes with the click, or the browser would refuse it.
  const tab = open();
  try {
    tab?.location.assign(URL.createObjectURL((await page).data));
  } catch (error) {
    tab?.close();
    throw error;
  }
}
