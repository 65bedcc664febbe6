/** Readings of a span as a table, newest first, and as files. A page covers as many buckets of the summary as fill it. */

import { byId, make, write } from "./dom.js";
import { fullTime, span as duration, unitText, valueText, visible } from "./format.js";
import { address, readings } from "./history.js";
import { statusText } from "./now.js";
import { zoned } from "./zone.js";

const ROWS = 100;
const MOST = 10_000;
const FORMATS = { CSV: "csv", NDJSON: "ndjson" };
const QUOTED = "In CSV a text such as =1+1 begins with ', so that spreadsheets do not run it.";
const SUSPECTS = { zero_burst: "not trusted: many items dropped to zero at once", frozen: "not trusted: the broadcast was frozen" };

export class ReadingsTable {
  #item;
  #pages = [];
  #place = 0;
  #total = 0;
  #asking = new AbortController();

  /** @param {(problem: Error) => void} fail is called if a page cannot be shown */
  constructor(item, fail) {
    this.#item = item;
    byId("newer").addEventListener("click", () => this.#turn(this.#place - 1).catch(fail));
    byId("older").addEventListener("click", () => this.#turn(this.#place + 1).catch(fail));
  }

  /** Shows the newest page of the summary's readings; a refresh (`again`) does not leave an older page. */
  async show(summary, again) {
    if (again && this.#place > 0) return;
    this.#pages = pagesOf(summary);
    this.#total = summary.count;
    offerFiles(this.#item, { from: summary.from, to: summary.to });
    await this.#turn(0);
  }

  /** Adds a reading that has just arrived, if the newest page is shown. */
  add(item) {
    const rows = byId("readings");
    if (this.#place > 0 || rows.dataset.newest > item.source_ts || rows.dataset.shown === identity(item)) return;
    rows.prepend(row(item));
    this.#remember(item);
    this.#showWhether(true);
  }

  #remember(reading) {
    byId("readings").dataset.newest = reading?.source_ts ?? "";
    byId("readings").dataset.shown = reading ? identity(reading) : "";
  }

  #showWhether(any) {
    byId("table").hidden = !any;
    byId("no-readings").hidden = any;
  }

  async #turn(place) {
    this.#asking.abort();
    this.#asking = new AbortController();
    this.#fill(await everyReading(this.#item, this.#pages[place], this.#asking.signal), place);
  }

  #fill(documents, place) {
    this.#place = place;
    const newestFirst = documents.toReversed();
    write(byId("unit"), newestFirst[0]?.unit && !newestFirst[0].state ? ` (${unitText(newestFirst[0].unit)})` : "");
    byId("readings").replaceChildren(...newestFirst.map(row));
    this.#remember(newestFirst[0]);
    this.#showWhether(documents.length > 0);
    byId("pager").hidden = this.#pages.length < 2;
    byId("newer").disabled = place === 0;
    byId("older").disabled = place === this.#pages.length - 1;
    const page = this.#pages.length > 1 ? `, page ${place + 1} of ${this.#pages.length}` : "";
    write(byId("page-of"), documents.length ? `${this.#total} in the range, newest first${page}` : "");
  }
}

/** Spans, newest first, that together are the whole; suspect readings, which no bucket counts, lie in them too. */
function pagesOf({ buckets, from, to }) {
  const pages = [];
  let end = to, rows = 0;
  for (const bucket of buckets.toReversed()) {
    rows += bucket.count;
    if (rows < ROWS || bucket === buckets[0]) continue;
    pages.push({ from: bucket.start, to: end });
    end = bucket.start;
    rows = 0;
  }
  return [...pages, { from, to: end }];
}

async function everyReading(item, span, signal) {
  const documents = [];
  let cursor;
  do {
    const page = await readings(item, span, MOST, cursor, signal);
    documents.push(...page.readings);
    cursor = page.next_cursor;
  } while (cursor);
  return documents;
}

/** Readings of one instant differ in these: the feed may send a time again, with another value or status. */
const identity = ({ source_ts: time, ingest_ts: came, value, status_class: status }) =>
  JSON.stringify([time, came, value, status ?? null]);

function row(reading) {
  const { source_ts: time, ingest_ts: came, value, number = null, state = null } = reading;
  const raw = state === null ? [] : [" ", make("span", { class: "quiet" }, visible(value))];
  const late = Date.parse(came) - Date.parse(time);
  return make("tr", {},
    make("td", {}, make("time", { datetime: time }, zoned(time).replace("T", " "))),
    make("td", { class: "figure value", title: visible(value) }, valueText({ value, number, state }), ...raw),
    make("td", { class: "figure", title: fullTime(came) }, late < 120_000 ? `${(late / 1000).toFixed(1)} s` : duration(late)),
    make("td", { class: "remarks" }, remarks(reading).join(", ")));
}

function remarks({ suspect, good, status_class: status, source }) {
  const doubt = suspect ? [SUSPECTS[suspect] ?? suspect] : [];
  const state = good ? [] : [statusText(status)];
  return [...doubt, ...state, ...(source === "isslive" ? [] : [source])];
}

function offerFiles(item, span) {
  const links = Object.entries(FORMATS).map(([name, format]) =>
    make("a", { href: file(item, span, format), download: `${item}.${format}` }, name));
  byId("downloads").replaceChildren(make("span", {}, "Download the range as"), ...links, make("small", {}, QUOTED));
}

const file = (item, span, format) => address("/telemetry", { item, ...span, format });
