/** All items by discipline: rendered once, then updated cell by cell. */

import { clock, everySecond } from "./clock.js";
import { byId } from "./dom.js";
import { finder, folded } from "./finder.js";
import { Group } from "./group.js";
import { roving } from "./rover.js";
import { Row } from "./row.js";
import { SUBJECTS, subjectOf } from "./subjects.js";

const ORDER = Object.keys(SUBJECTS);
/** What is open until the reader chooses. */
const OPEN = finder.unfolded() ?? ORDER.slice(0, 1);

/** @type {Map<string, Row>} */
const rows = new Map();
/** @type {Map<string, Group>} */
const groups = new Map();
let silent = false;

/** @param {any[]} items documents of the stream: first all, then those that changed */
export function showItems(items) {
  const added = items.filter(({ item_id: id }) => !rows.has(id));
  if (added.length) add(added);
  for (const item of items) rows.get(item.item_id).show(item);
  if (added.length) age();
}

/** @param {Record<string, [number, number][]>} trends what the worker has seen before */
export function showTrends(trends) {
  for (const [id, points] of Object.entries(trends)) rows.get(id)?.spark.merge(points);
}

/** @param {string} who says nothing: the age of a reading tells nothing then */
export function showSilence(who) {
  silent = who !== "nobody";
  age();
}

function add(items) {
  for (const item of items) {
    const row = new Row(item);
    rows.set(item.item_id, row);
    group(subjectOf(item)).add(row);
  }
  const sorted = [...groups.values()].sort((one, other) => ORDER.indexOf(one.subject) - ORDER.indexOf(other.subject));
  byId("groups").replaceChildren(...sorted.map(({ element }) => element));
  finder.begin(rows, sorted);
}

function group(subject) {
  if (!groups.has(subject)) groups.set(subject, new Group(subject, OPEN.includes(subject), folded));
  return groups.get(subject);
}

function age() {
  const now = clock();
  for (const row of rows.values()) row.age(now, silent);
  finder.refresh();
}

roving(byId("groups"));
everySecond(age);
