/** Ribbon over the page while what it shows does not come from the station. */

import { announce, byId } from "./dom.js";

const WARNINGS = { simulated: "Simulation: nothing here comes from space", test: "Test: nothing here comes from space" };

/** @param {string} source whose readings the page shows */
export function showSource(source) {
  const warning = WARNINGS[source] ?? "";
  announce(byId("ribbon"), warning);
  document.documentElement.toggleAttribute("data-ribbon", Boolean(warning));
}
