/** The last uses of the toilet, the newest first. */

import { byId, make, write } from "./dom.js";
import { levelText, localTime, shortTime, utcTime } from "./format.js";

const SHOWN = 3;
/** What is said ends with the time and the levels, which stand above it here. */
const FACTS = "\n\n💧";
const WORDS = { dry_run: "dry run", null: "undecided", stale: "too late" };
const MEANINGS = {
  posted: "It was said in public.",
  dry_run: "It was not said in public: nobody is to be told, or not all readings came from the station.",
  suppressed: "Another use was announced shortly before.",
  stale: "It came too late to be news.",
  refused: "The announcer refused it.",
  failed: "It could not be sent.",
};

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
  const sure = confidence === null ? [] : [`${Math.round(100 * confidence)} % sure`];
  const origin = source === "isslive" ? [] : [source];
  return make("li", { class: "use" },
    make("time", { datetime: start, title: `${utcTime(start)}, ${localTime(start)}` }, shortTime(start)),
    make("span", { class: "levels" }, `${levelText(use.level_before)} → ${levelText(use.level_after)} %`),
    decision(use.decision),
    ...(text ? [make("blockquote", { title: text }, text.split(FACTS)[0])] : []),
    make("p", { class: "about" }, [...sure, ...origin].join(" · ")),
  );
}

function decision(name) {
  const word = WORDS[name] ?? name;
  return make("span", { class: "decision", "data-decision": `${name}`, title: MEANINGS[name] ?? "" }, word);
}
