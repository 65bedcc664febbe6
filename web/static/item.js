/** The page of one item: what it shows now, and its history over the chosen span. */

import { clock, setClock } from "./clock.js";
import { announce, byId, make } from "./dom.js";
import { fullTime, span as duration, visible } from "./format.js";
import { showConnection, showStatus } from "./header.js";
import { CAUSES, gaps, summary, uses } from "./history.js";
import { showNow } from "./now.js";
import { plot } from "./plot.js";
import { chosen, offerBeginning, offerRanges } from "./ranges.js";
import { ReadingsTable } from "./readings.js";
import { ROOT } from "./root.js";
import { isNamed } from "./series.js";
import { follow } from "./stream.js";

const TANK = "NODE3000005";
const POINTS = 500;
const AGAIN_MILLISECONDS = 60_000;

const item = decodeURIComponent(location.pathname.split("/").at(-1));
const choose = offerRanges(load);
const picture = plot(byId("plot"), { label: item, onZoom: choose, height: 280 });
const table = new ReadingsTable(item, away);

let current = null;
let asking = new AbortController();
let next = 0;

/** Asks for everything about the chosen span; `again` once a minute while it ends now, sooner while there is no answer. */
async function load(again = false) {
  clearTimeout(next);
  asking.abort();
  asking = new AbortController();
  byId("plot").toggleAttribute("data-loading", true);
  try {
    await show(chosen(), asking.signal, again);
  } catch (problem) {
    if (problem.name === "AbortError") return;
    away(problem);
    // What is shown is of another span, unless this one was only asked for again.
    if (!again) document.body.setAttribute("data-away", "");
  }
}

async function show(span, signal, again) {
  const marked = item === TANK ? uses(span, signal) : [];
  const [summed, without, marks] = await Promise.all([summary(item, span, POINTS, signal), gaps(item, span, signal), marked]);
  announce(byId("away"), "");
  document.body.removeAttribute("data-away");
  byId("plot").removeAttribute("data-loading");
  offerBeginning(summed.from);
  drawn(summed, without, marks);
  list(without);
  await table.show(summed, again);
  if (!span.to) next = setTimeout(loadAgain, AGAIN_MILLISECONDS);
}

/** A hidden page makes no requests. */
function loadAgain() {
  if (document.hidden) document.addEventListener("visibilitychange", loadAgain, { once: true });
  else load(true);
}

function drawn(summed, without, marks) {
  const texts = summed.count > 0 && !isNamed(summed) && summed.buckets.every((bucket) => bucket.mean === null);
  byId("plot").hidden = texts;
  byId("words").hidden = !texts;
  byId("key-use").hidden = marks.length === 0;
  picture.setData(summed, { gaps: without, uses: marks, before: summed.before?.number ?? null });
}

/** Says why there is no answer. A question that another has overtaken needs none; what is no answer is a fault. */
function away(problem) {
  if (problem.name === "AbortError") return;
  if (problem.passing === undefined) throw problem;
  byId("plot").removeAttribute("data-loading");
  const again = problem.passing ? ` Trying again in ${problem.seconds} s.` : "";
  announce(byId("away"), `${problem.message.replace(/\.$/, "")}.${again}`);
  clearTimeout(next);
  if (problem.passing) next = setTimeout(loadAgain, problem.seconds * 1000);
}

function list(without) {
  byId("no-gaps").hidden = without.length > 0;
  byId("gaps").replaceChildren(...without.toReversed().map(entry));
}

function entry({ cause, start, end, detail }) {
  const length = end ? duration(Date.parse(end) - Date.parse(start)) : "lasts";
  const until = end ? fullTime(end) : "now";
  return make("li", {}, make("b", {}, CAUSES[cause] ?? cause), `${fullTime(start)} to ${until}`, make("span", {}, length), make("span", {}, visible(detail ?? "")));
}

function status(document) {
  setClock(document.now);
  showStatus(document);
  if (!chosen().to && document.silent.who === "nobody") picture.extend(clock());
}

function items({ items: [document] }) {
  if (!document) return;
  current = document;
  showNow(document);
  if (chosen().to || !document.measured) return;
  if (document.number !== null) picture.append(Date.parse(document.source_ts), document.number);
  table.add(document);
}

byId("as-json").href = `${ROOT}api/v1/items/${item}`;
const heartbeat = ({ now }) => setClock(now);

follow(`${ROOT}api/v1/stream?item=${encodeURIComponent(item)}`, { status, items, heartbeat }, showConnection);
load();
