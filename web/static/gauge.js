/** Gauge of the urine tank. */

import { clock, everySecond } from "./clock.js";
import { byId, make, write } from "./dom.js";
import { levelText, shortTime, span } from "./format.js";

/** Height of the drawn vessel, and how far down an unknown level hides. */
const VESSEL = 178, OUT_OF_SIGHT = 200;

const TRENDS = { filling: "filling", draining: "being emptied", steady: "steady", unknown: "trend not known" };

let tank = null;

/** @param {any} document of /api/v1/tank */
export function showTank(document) {
  tank = document;
  const { level, unit, state, processor } = document;
  const known = level !== null;
  const down = known ? VESSEL * (1 - Math.min(Math.max(level, 0), 100) / 100) : OUT_OF_SIGHT;
  byId("liquid").style.transform = `translateY(${down}px)`;
  const words = known ? `Level ${levelText(level)} ${unit}, ${TRENDS[state]}` : "Level not known yet";
  byId("gauge").setAttribute("aria-label", words);
  byId("level").replaceChildren(...(known ? [levelText(level), make("small", {}, unit)] : ["–"]));
  byId("tank-state").dataset.state = state;
  write(byId("tank-state"), document.in_use_since ? "probably in use" : TRENDS[state]);
  write(byId("processor"), processor ?? "–");
  age();
}

function age() {
  if (!tank) return;
  write(byId("tank-age"), tank.source_ts ? ago(tank.source_ts) : "never");
  write(byId("last-use"), tank.last_use ? ago(tank.last_use.start) : "none seen");
}

function ago(time) {
  return `${span(clock() - Date.parse(time))} ago, ${shortTime(time)}`;
}

everySecond(age);
