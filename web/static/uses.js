/** Latest uses of the toilet, newest first. */

import { byId, make, write } from "./dom.js";
import { levelText, shortTime } from "./format.js";

const SHOWN = 3;
/** A post ends with the time and the levels, which the page shows above it. */
const FACTS = "\n\n💧";
/** Decision -> what the page calls it, and why it was taken. */
const DECISIONS = {
  posted: ["posted", "It was posted publicly."],
  dry_run: ["not posted", "No account or webhook is set up, or not every reading came from the station."],
  suppressed: ["too soon", "It was not posted, because another use had been posted shortly before."],
  stale: ["too late", "It was not posted, because it was detected too late to be news."],
  refused: ["rejected", "It was not posted: whoever should have published it rejected it."],
  failed: ["not sent", "It was not posted: whoever should have published it could not be reached."],
  null: ["undecided", "Whether it is posted is decided in a moment."],
};
const SOURCES = { simulated: "from a simulated station", test: "from test readings" };
/** Confidence -> what people call it. */
const SURE = [[0.9, "almost certain"], [0.7, "likely"], [0, "doubtful"]];

/** @param {any[]} uses documents of the stream, newest first */
export function showUses(uses) {
  byId("no-uses").hidden = uses.length > 0;
  byId("uses").replaceChildren(...uses.slice(0, SHOWN).map(entry));
  byId("earlier-uses").replaceChildren(...uses.slice(SHOWN).map(entry));
  write(byId("earlier-count"), String(uses.length - SHOWN));
  byId("earlier").hidden = uses.length <= SHOWN;
}

function entry(use) {
  const { start, text, confidence, source } = use;
  const [word, why] = DECISIONS[use.decision] ?? [`${use.decision}`, ""];
  const about = [confidence === null ? "" : sure(confidence), SOURCES[source] ?? ""].filter(Boolean);
  return make("li", { class: "use" },
    make("time", { datetime: start }, shortTime(start)),
    make("span", { class: "levels" }, `${levelText(use.level_before)} → ${levelText(use.level_after)} %`),
    make("details", { class: "decision", "data-decision": `${use.decision}` }, make("summary", {}, word), make("p", {}, why)),
    ...(text ? [make("blockquote", {}, text.split(FACTS)[0])] : []),
    make("p", { class: "about" }, about.join(" · ")),
  );
}

const sure = (confidence) => SURE.find(([least]) => confidence >= least)[1];
