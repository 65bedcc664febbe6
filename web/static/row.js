/** One item in the list. */

import { make, write } from "./dom.js";
import { fullTime, span, unitText, valueText, visible } from "./format.js";
import { ROOT } from "./root.js";
import { rank } from "./search.js";
import { Sparkline } from "./sparkline.js";

/** What changed since then has just changed. */
const YOUNG_MILLISECONDS = 60_000;

export class Row {
  item = null;
  stale = true;
  young = false;
  spark = new Sparkline();

  #cell = make("span", { class: "value" });
  #value = make("span");
  #unit = make("small");
  #unitText;
  #age = make("span", { class: "age" });
  #phrases;
  #learned = [];

  /** @param {any} item its first document */
  constructor({ item_id: id, name, discipline, unit }) {
    this.#unitText = unitText(unit);
    const href = `${ROOT}items/${encodeURIComponent(id)}`;
    const address = { href, title: `${name} (${id}, ${discipline})`, tabindex: "-1" };
    const link = make("a", address, name);
    this.#cell.append(this.#value, this.#unit);
    const cells = [link, this.spark.element, this.#cell, this.#age];
    this.element = make("li", { class: "row", "data-item": id }, ...cells);
    this.#phrases = [name, id, discipline, unit].filter(Boolean).map((phrase) => phrase.toLowerCase());
  }

  /** @param {{plain_name: string, synonyms: string[]}} words that it can be found by, too */
  learn({ plain_name: plain, synonyms }) {
    this.#learned = [plain.toLowerCase(), ...synonyms];
    this.element.firstElementChild.title = `${plain}: ${this.item.name} (${this.item.item_id}, ${this.item.discipline})`;
  }

  /** @param {any} item its newest document */
  show(item) {
    const changed = this.item !== null && item.value !== this.item.value;
    this.item = item;
    write(this.#value, valueText(item));
    write(this.#unit, item.state === null && item.value !== null ? this.#unitText : "");
    this.element.classList.toggle("word", item.state !== null || !item.measured);
    this.#cell.title = title(item);
    this.#cell.dataset.severity = item.severity ?? "";
    if (item.number !== null && item.state === null) this.spark.add(Date.parse(item.source_ts), item.number);
    if (changed) this.#flash();
  }

  /**
   * @param {number} now milliseconds since 1970
   * @param {boolean} silent whether no readings arrive, so that no value is current
   */
  age(now, silent) {
    const { source_ts: measured } = this.item;
    const age = measured ? now - Date.parse(measured) : Infinity;
    // The feed sends an item only when it changes: only one that never rests for so long is stuck.
    const stuck = age > (this.item.stuck_after_seconds ?? Infinity) * 1000;
    this.stale = silent || stuck || !measured;
    this.young = !silent && age <= YOUNG_MILLISECONDS;
    this.element.toggleAttribute("data-stale", this.stale);
    if (!measured) write(this.#age, "never");
    else write(this.#age, `${silent ? "not seen " : stuck ? "stuck " : ""}${span(age)}`);
    this.spark.draw();
  }

  /** @param {ReturnType<typeof import("./search.js").question>} asked @returns {number} how well it fits, see `rank` */
  rank(asked) {
    const state = (this.item?.state ?? "").toLowerCase();
    return rank(asked, [...this.#learned, ...this.#phrases, state, this.#unitText.toLowerCase()]);
  }

  // Two names for one animation: changing the name restarts it.
  #flash() {
    this.element.dataset.change = this.element.dataset.change === "a" ? "b" : "a";
  }
}

function title({ value, unit, source_ts: measured, source }) {
  return measured ? `${visible(value)} ${unit}, measured ${fullTime(measured)}, source ${source}` : "Never measured";
}
