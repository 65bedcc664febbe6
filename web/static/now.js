/** The item and its current value. */

import { clock, everySecond } from "./clock.js";
import { byId, make, write } from "./dom.js";
import { fullTime, span, unitText, valueText, visible } from "./format.js";
import { SUBJECTS, subjectOf } from "./subjects.js";

/** The feed's Status.Class; 21 to 23 are the user's. */
const CLASSES = ["overridden", "missing", "dead", "off scale high", "off scale low", "above its limit", "below its limit",
  "out of calibration", "overscaling", "static", "SSME controller", "SSME EIU", "flight critical MDM", "payload MDM",
  "OI MDM", "OI DSC", "at its lower limit", "at its upper limit", "at an event limit", "Selmon aggregate", "truncated"];
const GOOD = "24";
const FRESHNESS = { stuck: "stuck · ", not_seen: "not seen since · " };
const SOURCES = { isslive: "the station's public feed", simulated: "a simulated station", test: "a test" };

/** Characters of a value that fit next to the name; a longer value gets a smaller font. */
const LONG = 20;

let shown = null;

/** @param {any} item an ItemDocument */
export function showNow(item) {
  const changed = shown && (shown.value !== item.value || shown.source_ts !== item.source_ts);
  shown = item;
  write(byId("discipline"), [SUBJECTS[subjectOf(item)], item.discipline].filter(Boolean).join(", "));
  byId("value").replaceChildren(valueText(item), ...unitOf(item));
  write(byId("status-class"), item.measured ? statusText(item.status_class) : "never measured");
  write(byId("source"), SOURCES[item.source] ?? "–");
  write(byId("sent"), item.value === null ? "–" : visible(item.value));
  byId("value").dataset.severity = item.severity ?? "";
  byId("value").toggleAttribute("data-long", byId("value").textContent.length > LONG);
  const card = document.querySelector(".now");
  card.toggleAttribute("data-stale", item.stale);
  byId("measured").dataset.freshness = FRESHNESS[item.freshness] ?? "";
  if (changed) card.dataset.change = card.dataset.change === "a" ? "b" : "a";
  age();
}

/** @param {string | null} status Status.Class of a reading */
export function statusText(status) {
  if (status === GOOD) return "good (24)";
  return status ? `${CLASSES[status] ?? "of its own kind"} (${visible(status)})` : "not said";
}

function unitOf({ unit, state, value }) {
  const written = state === null && value !== null ? unitText(unit) : "";
  return written ? [make("small", {}, written)] : [];
}

function age() {
  if (!shown?.source_ts) return;
  write(byId("measured"), `${span(clock() - Date.parse(shown.source_ts))} ago, ${fullTime(shown.source_ts)}`);
  write(byId("received"), fullTime(shown.ingest_ts));
}

everySecond(age);
