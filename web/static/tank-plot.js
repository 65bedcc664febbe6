/** Plot of the tank's last hours: from the archive, then live. */

import { clock } from "./clock.js";
import { announce, byId, write } from "./dom.js";
import { shortTime } from "./format.js";
import { gaps, HistoryProblem, summary, uses } from "./history.js";
import { plot } from "./plot.js";
import { beginning, seconds } from "./series.js";

export const TANK = "NODE3000005";

/** How much is shown: the least that holds what is known, so that a young archive fills the picture too. */
const SPANS = [[1, "Last hour"], [6, "Last 6 hours"], [24, "Last 24 hours"]];
const LONGEST = SPANS.at(-1);
const HOUR_MILLISECONDS = 3_600_000;
const POINTS = 500;
const HEIGHT = 208;
/** How long the picture goes without being fetched again, for what only the archive knows. */
const RENEW_SECONDS = 300;
/** What was just decided is in the archive after this time. */
const ARCHIVED_SECONDS = 3;

const AWAY = "The history is not available; this page asks again by itself.";

const place = byId("tank-plot");
const drawing = plot(place, { label: "Urine tank", height: HEIGHT });
let drawn = false;
let overdue = false;
let next = 0;

/** @param {{source_ts: string, number: number}} item a reading of the tank */
export function append({ source_ts: time, number }) {
  if (number !== null) drawing.append(Date.parse(time), number);
}

/** The level still holds: the signal is acquired and nothing new came. */
export function hold() {
  drawing.extend(clock());
}

/** Fetches the picture again, soon. */
export function renew() {
  later(ARCHIVED_SECONDS);
}

async function load() {
  overdue = document.hidden;
  if (overdue) return;
  try {
    const [hours, caption] = fitting(await summary(TANK, since(LONGEST[0]), POINTS));
    const span = since(hours);
    const [levels, spans, seen] = await Promise.all([summary(TANK, span, POINTS), gaps(TANK, span), uses(span)]);
    drawing.setData(levels, { gaps: spans, uses: seen, before: levels.before?.number ?? null });
    const start = beginning(levels, spans), isYoung = start > seconds(levels.from);
    write(byId("tank-span"), isYoung ? `Since the first reading, ${shortTime(start * 1000)}` : caption);
    place.hidden = false;
    drawn = true;
    announce(byId("tank-note"), "");
    later(RENEW_SECONDS);
  } catch (problem) {
    if (!(problem instanceof HistoryProblem)) throw problem;
    // What was drawn before stays, and grows by what comes.
    place.hidden = !drawn;
    const [reason] = problem.message.split(",");
    announce(byId("tank-note"), `${reason}. ${AWAY}`);
    later(problem.seconds);
  }
}

function fitting({ buckets }) {
  const first = buckets.find((bucket) => bucket.last !== null);
  const known = first ? clock() - Date.parse(first.start) : Infinity;
  return SPANS.find(([hours]) => known < hours * HOUR_MILLISECONDS) ?? LONGEST;
}

function since(hours) {
  return { from: `-${hours}h` };
}

function later(seconds) {
  clearTimeout(next);
  next = setTimeout(load, seconds * 1000);
}

document.addEventListener("visibilitychange", () => {
  if (overdue && !document.hidden) load();
});
load();
