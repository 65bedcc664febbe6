/** Whether the station, the feed, this system or this browser's own connection is silent. */

import { clock, everySecond } from "./clock.js";
import { announce, byId, write } from "./dom.js";
import { localTime, shortTime, span, utcTime } from "./format.js";

const MEANINGS = {
  AOS: "signal acquired",
  LOS: "the station has no signal",
  STALE: "the broadcast stands still",
  UNKNOWN: "no word of the signal yet",
};

const LOST = "This page has no connection to the worker. What it shows is as it was at";

let newest = null;

/** @param {{signal: any, silent: any, newest: any}} status the document of /api/v1/status */
export function showStatus({ signal, silent, newest: reading }) {
  showSignal(signal.state, MEANINGS[signal.state]);
  announce(byId("silent"), silent.who === "nobody" ? "" : silent.sentence);
  if (reading) showNewest(reading.source_ts);
}

/** @param {string} time of a reading; the newest so far is shown */
export function showNewest(time) {
  if (newest && time <= newest) return;
  newest = time;
  byId("newest").title = `${localTime(time)}, ${utcTime(time)}`;
}

/**
 * @param {boolean} alive whether the worker is heard
 * @param {number} heard when it last was, by this browser's clock
 */
export function showConnection(alive, heard) {
  document.body.toggleAttribute("data-lost", !alive);
  if (!alive) showSignal("UNKNOWN", "no connection");
  announce(byId("connection"), alive ? "" : `${LOST} ${shortTime(new Date(heard).toISOString())} UTC. It keeps trying.`);
}

function showSignal(state, meaning) {
  const badge = byId("signal");
  badge.dataset.state = state;
  write(badge.firstElementChild, state);
  write(badge.lastElementChild, meaning);
}

everySecond(() => {
  if (newest) write(byId("newest"), `${span(clock() - Date.parse(newest))} ago`);
});
