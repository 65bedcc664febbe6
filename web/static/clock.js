/** The worker's wall clock, so that ages are right even if the browser's clock is wrong. */

let ahead = 0;

/** @param {string} now the worker's time, just received */
export function setClock(now) {
  ahead = Date.parse(now) - Date.now();
}

/** @returns {number} milliseconds since 1970 */
export function clock() {
  return Date.now() + ahead;
}

/** @param {() => void} act what to do now and once a second */
export function everySecond(act) {
  act();
  setInterval(act, 1000);
}
