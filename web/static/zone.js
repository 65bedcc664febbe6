/** Time zone of all times on a page: UTC, as on the station, or the reader's own. The choice is kept in this browser. */

const KEY = "zone", LOCAL = "local", UTC = "utc";

const isLocal = kept() === LOCAL;

/** As Intl takes it; undefined is the reader's own. */
export const ZONE = isLocal ? undefined : "UTC";
export const ZONE_NAME = isLocal ? "your time" : "UTC";

/** @param {string | number | Date} time @returns {string} date and time in the zone, such as "2026-11-24T02:14:05.250" */
export function zoned(time) {
  const date = new Date(time);
  return new Date(date - offset(date)).toISOString().slice(0, 23);
}

/** @param {string} written date and time in the zone, without a zone @returns {string} the same in RFC 3339 */
export function instant(written) {
  return new Date(isLocal ? written : `${written}Z`).toISOString();
}

/** Lets the button `#zone` change the zone, and names the present one in every element of the class `zone`. */
export function offerZone() {
  for (const element of document.querySelectorAll(".zone")) element.textContent = ZONE_NAME;
  const button = document.getElementById("zone");
  button.textContent = isLocal ? "Show UTC" : "Show your time";
  button.addEventListener("click", () => {
    keep(isLocal ? UTC : LOCAL);
    location.reload();
  });
}

const offset = (date) => (isLocal ? date.getTimezoneOffset() * 60_000 : 0);

// A browser that keeps nothing for a site refuses both.
function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function keep(zone) {
  try {
    localStorage.setItem(KEY, zone);
  } catch {
    // The page stays as it is.
  }
}
