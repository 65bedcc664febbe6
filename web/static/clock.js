/** The wall clock of the worker, so that ages are right in a browser whose own clock is not. */

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
