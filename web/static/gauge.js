/** The urine tank as it is now. */

import { clock, everySecond } from "./clock.js";
import { byId, make, write } from "./dom.js";
import { levelText, localTime, span, utcTime } from "./format.js";

/** Height of the drawn vessel, and how far down an unknown level hides. */
const VESSEL = 178, OUT_OF_SIGHT = 200;

let tank = null;

/** @param {any} document of /api/v1/tank */
export function showTank(document) {
  tank = document;
  const { level, unit, state, processor, source_ts: measured } = document;
  const known = level !== null;
  const down = known ? VESSEL * (1 - level / 100) : OUT_OF_SIGHT;
  byId("liquid").style.transform = `translateY(${down}px)`;
  const words = known ? `Level ${levelText(level)} ${unit}, ${state}` : "Level not known yet";
  byId("gauge").setAttribute("aria-label", words);
  byId("level").replaceChildren(...(known ? [levelText(level), make("small", {}, unit)] : ["–"]));
  byId("tank-state").dataset.state = state;
  write(byId("tank-state"), state);
  write(byId("processor"), processor ?? "–");
  byId("tank-age").title = measured ? `${localTime(measured)}, ${utcTime(measured)}` : "";
  byId("last-use").title = document.last_use ? utcTime(document.last_use.end) : "";
  age();
}

function age() {
  if (!tank) return;
  write(byId("tank-age"), tank.source_ts ? ago(tank.source_ts) : "never");
  write(byId("last-use"), tank.last_use ? ago(tank.last_use.end) : "none seen");
}

function ago(time) {
  return `${span(clock() - Date.parse(time))} ago`;
}

everySecond(age);
