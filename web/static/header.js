/** Page header: the signal, and outages of the station, the feed, this system or this browser's connection. */

import { clock, everySecond } from "./clock.js";
import { announce, byId, write } from "./dom.js";
import { fullTime, span } from "./format.js";
import { showSource } from "./ribbon.js";
import { offerZone } from "./zone.js";

const SIGNALS = {
  AOS: ["In contact", "signal acquired (AOS)"],
  LOS: ["No contact", "signal lost (LOS)"],
  STALE: ["Standing still", "the broadcast repeats old readings"],
  UNKNOWN: ["Unknown", "no word of the signal yet"],
};

const LOST = "This page has no connection to the worker. What it shows is as it was at";

let newest = null;
let signal = "UNKNOWN";
let alive = true;

/** @param {{source: string, signal: any, silent: any, newest: any}} status the document of /api/v1/status */
export function showStatus({ source, signal: { state }, silent, newest: reading }) {
  signal = state;
  showSignal();
  announce(byId("silent"), silent.who === "nobody" ? "" : silent.sentence);
  showSource(source);
  if (reading) showNewest(reading.source_ts);
}

/** @param {string} time of a reading; the newest so far is shown */
export function showNewest(time) {
  if (newest && time <= newest) return;
  newest = time;
  byId("newest").title = fullTime(time);
}

/**
 * @param {boolean} connected whether events arrive from the worker
 * @param {number} heard when the last one arrived, by this browser's clock
 */
export function showConnection(connected, heard) {
  if (connected && alive) return;
  alive = connected;
  document.body.toggleAttribute("data-lost", !alive);
  showSignal();
  announce(byId("connection"), alive ? "" : `${LOST} ${fullTime(heard)}. It keeps trying.`);
}

function showSignal() {
  const badge = byId("signal"), state = alive ? signal : "UNKNOWN";
  const [word, meaning] = SIGNALS[state];
  badge.dataset.state = state;
  write(badge.firstElementChild, word);
  write(badge.lastElementChild, alive ? meaning : "no connection");
}

offerZone();

everySecond(() => {
  if (newest) write(byId("newest"), `${span(clock() - Date.parse(newest))} ago`);
});
