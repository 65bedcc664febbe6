/** Selected span of time: it is kept in the address, so that links and the back button work. */

import { byId, make } from "./dom.js";
import { instant, zoned } from "./zone.js";

const RANGES = { "-1h": "1 h", "-6h": "6 h", "-24h": "24 h", "-7d": "7 d", "-30d": "30 d" };
const USUAL = "-6h";

/** @returns {{from: string, to: string | undefined}} as the API takes it; without `to` it ends now */
export function chosen() {
  const given = new URLSearchParams(location.search);
  return { from: given.get("from") || USUAL, to: given.get("to") || undefined };
}

/** Calls `changed` whenever another span is chosen: by a link, the form, `choose`, or the browser's buttons. */
export function offerRanges(changed) {
  const show = () => {
    mark();
    changed();
  };
  byId("ranges").append(...Object.entries(RANGES).map(([from, name]) => make("a", { href: `?from=${from}` }, name)));
  byId("ranges").addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(link.search, show);
  });
  byId("span").addEventListener("submit", (event) => {
    event.preventDefault();
    const { from, to } = event.target.elements;
    go(search(from.value, to.value), show);
  });
  byId("custom").addEventListener("click", () => open(byId("span").hidden));
  addEventListener("popstate", show);
  mark();
  return (from, to) => go(search(...[from, to].map((time) => new Date(time).toISOString())), show);
}

/** Offers the beginning that is shown in the form, unless somebody is at it. */
export function offerBeginning(from) {
  if (byId("span").hidden) byId("span").elements.from.value = local(from);
}

function open(wanted) {
  byId("span").hidden = !wanted;
  byId("custom").setAttribute("aria-expanded", wanted);
}

function go(address, show) {
  if (address !== location.search) history.pushState(null, "", address);
  show();
}

function search(from, to) {
  const span = Object.entries({ from, to }).filter(([, time]) => time).map(([name, time]) => [name, utc(time)]);
  return `?${new URLSearchParams(span)}`;
}

/** A time of the form has no zone: it is in that of the page. */
const utc = (time) => (time.endsWith("Z") ? time : instant(time));

function mark() {
  const { from, to } = chosen();
  const usual = !to && from in RANGES;
  for (const link of byId("ranges").children) {
    if (usual && link.search === `?from=${from}`) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  byId("custom").toggleAttribute("data-current", !usual);
  const inputs = byId("span").elements;
  inputs.from.value = local(from);
  inputs.to.value = local(to);
}

const local = (time) => (time && !Number.isNaN(Date.parse(time)) ? zoned(time).slice(0, 19) : "");
