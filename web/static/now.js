/** What the item is and what it shows now. */

import { clock, everySecond } from "./clock.js";
import { byId, make, write } from "./dom.js";
import { localTime, span, unitText, utcTime, valueText } from "./format.js";
import { SUBJECTS, subjectOf } from "./subjects.js";

/** The feed's Status.Class; 21 to 23 are the user's. */
const CLASSES = ["overridden", "missing", "dead", "off scale high", "off scale low", "above its limit", "below its limit",
  "out of calibration", "overscaling", "static", "SSME controller", "SSME EIU", "flight critical MDM", "payload MDM",
  "OI MDM", "OI DSC", "at its lower limit", "at its upper limit", "at an event limit", "Selmon aggregate", "truncated"];
const GOOD = "24";
const SOURCES = { isslive: "the station's public feed", simulated: "a simulated station", test: "a test" };

let shown = null;

/** @param {any} item an ItemDocument */
export function showNow(item) {
  const changed = shown && (shown.value !== item.value || shown.source_ts !== item.source_ts);
  shown = item;
  document.title = `${item.name} · ISS telemetry`;
  write(byId("name"), item.name);
  write(byId("identifier"), item.item_id);
  write(byId("discipline"), [SUBJECTS[subjectOf(item)], item.discipline].filter(Boolean).join(", "));
  byId("value").replaceChildren(valueText(item), ...unitOf(item));
  write(byId("status-class"), item.measured ? statusText(item.status_class) : "never measured");
  write(byId("source"), SOURCES[item.source] ?? "–");
  const card = document.querySelector(".now");
  card.toggleAttribute("data-stale", item.stale);
  if (changed) card.dataset.change = card.dataset.change === "a" ? "b" : "a";
  age();
}

/** @param {string | null} status Status.Class of a reading */
export function statusText(status) {
  if (status === GOOD) return "good (24)";
  return status ? `${CLASSES[status] ?? "of its own kind"} (${status})` : "not said";
}

export const isGood = (status) => !status || status === GOOD;

function unitOf({ unit, state, value }) {
  const written = state === null && value !== null ? unitText(unit) : "";
  return written ? [make("small", {}, written)] : [];
}

function age() {
  if (!shown?.source_ts) return;
  write(byId("measured"), `${span(clock() - Date.parse(shown.source_ts))} ago`);
  byId("measured").title = `${localTime(shown.source_ts)}, ${utcTime(shown.source_ts)}`;
  write(byId("received"), utcTime(shown.ingest_ts));
  byId("received").title = localTime(shown.ingest_ts);
}

everySecond(age);
