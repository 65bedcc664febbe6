/** The readings of a span as a table, newest first, and as files. A page is as many buckets of the summary as fill it. */

import { byId, make, write } from "./dom.js";
import { span as duration, unitText, utcTime, valueText } from "./format.js";
import { address, readings } from "./history.js";
import { isGood, statusText } from "./now.js";

const ROWS = 100;
const MOST = 10_000;
const FORMATS = { CSV: "csv", NDJSON: "ndjson" };
const SUSPECTS = { zero_burst: "not believed: many items fell to zero at once", frozen: "not believed: the broadcast stood still" };

export class ReadingsTable {
  #item;
  #pages = [];
  #place = 0;
  #total = 0;
  #asking = new AbortController();

  /** @param {(problem: Error) => void} fail hears what keeps a page from being shown */
  constructor(item, fail) {
    this.#item = item;
    byId("newer").addEventListener("click", () => this.#turn(this.#place - 1).catch(fail));
    byId("older").addEventListener("click", () => this.#turn(this.#place + 1).catch(fail));
  }

  /** Shows the newest page of what `summary` sums up; one that is asked for `again` takes no older page away. */
  async show(summary, again) {
    if (again && this.#place > 0) return;
    this.#pages = pagesOf(summary);
    this.#total = summary.count;
    offerFiles(this.#item, { from: summary.from, to: summary.to });
    await this.#turn(0);
  }

  /** Adds a reading that has just come, if the newest page is shown. */
  add(item) {
    if (this.#place > 0 || byId("readings").dataset.newest >= item.source_ts) return;
    byId("readings").prepend(row(item));
    byId("readings").dataset.newest = item.source_ts;
    this.#showWhether(true);
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
    byId("readings").dataset.newest = newestFirst[0]?.source_ts ?? "";
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

function row(reading) {
  const { source_ts: time, ingest_ts: came, value, number = null, state = null } = reading;
  const raw = state === null ? [] : [" ", make("span", { class: "quiet" }, value)];
  const late = Date.parse(came) - Date.parse(time);
  return make("tr", {},
    make("td", {}, make("time", { datetime: time }, time.slice(0, 23).replace("T", " "))),
    make("td", { class: "figure value", title: value }, valueText({ value, number, state }), ...raw),
    make("td", { class: "figure", title: utcTime(came) }, late < 120_000 ? `${(late / 1000).toFixed(1)} s` : duration(late)),
    make("td", { class: "remarks" }, remarks(reading).join(", ")));
}

function remarks({ suspect, status_class: status, source }) {
  const doubt = suspect ? [SUSPECTS[suspect] ?? suspect] : [];
  const state = isGood(status) ? [] : [statusText(status)];
  return [...doubt, ...state, ...(source === "isslive" ? [] : [source])];
}

function offerFiles(item, span) {
  const links = Object.entries(FORMATS).map(([name, format]) =>
    make("a", { href: file(item, span, format), download: `${item}.${format}` }, name));
  byId("downloads").replaceChildren(make("span", {}, "Download the range as"), ...links);
}

const file = (item, span, format) => address("/telemetry", { item, ...span, format });
