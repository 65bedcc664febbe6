/** One item in the list. */

import { make, write } from "./dom.js";
import { span, unitText, utcTime, valueText } from "./format.js";
import { Sparkline } from "./sparkline.js";

/** An older reading is stale. The feed sends an item only when it changes, so a younger one may well be true. */
const OLD_MILLISECONDS = 24 * 3_600_000;

export class Row {
  /** Whether it can be seen; only then does it age, flash and draw. */
  visible = false;
  item = null;
  spark = new Sparkline();

  #cell = make("span", { class: "value" });
  #value = make("span");
  #unit = make("small");
  #unitText;
  #age = make("span", { class: "age" });

  /**
   * @param {any} item its first document
   * @param {boolean} namesake whether another item has its name
   */
  constructor({ item_id: id, name, discipline, unit }, namesake) {
    this.#unitText = unitText(unit);
    const address = { href: `/items/${encodeURIComponent(id)}`, title: `${name} (${id}, ${discipline})` };
    const link = make("a", address, name, ...(namesake ? [" ", make("small", {}, id)] : []));
    this.#cell.append(this.#value, this.#unit);
    const cells = [link, this.spark.element, this.#cell, this.#age];
    this.element = make("li", { class: "row", "data-item": id }, ...cells);
    this.words = `${id} ${name} ${discipline} ${unit} ${unitText(unit)}`.toLowerCase();
  }

  /** @param {any} item its newest document */
  show(item) {
    const changed = this.item !== null && item.value !== this.item.value;
    this.item = item;
    write(this.#value, valueText(item));
    write(this.#unit, item.state === null && item.value !== null ? this.#unitText : "");
    this.element.classList.toggle("word", item.state !== null);
    this.#cell.title = title(item);
    if (item.number !== null && item.state === null) this.spark.add(Date.parse(item.source_ts), item.number);
    if (changed && this.visible) this.#flash();
  }

  /**
   * @param {number} now milliseconds since 1970
   * @param {boolean} silent whether no readings come in, so that nothing is known of now
   */
  age(now, silent) {
    const { source_ts: measured } = this.item;
    const age = measured ? now - Date.parse(measured) : Infinity;
    const stale = silent || age > OLD_MILLISECONDS;
    this.element.toggleAttribute("data-stale", stale);
    if (!measured) write(this.#age, "never");
    else write(this.#age, stale ? `stale ${span(age)}` : span(age));
    this.spark.draw();
  }

  /** @param {string[]} words in lower case @returns {boolean} whether it has them all */
  matches(words) {
    const all = `${this.words} ${this.item?.state ?? ""}`.toLowerCase();
    return words.every((word) => all.includes(word));
  }

  // Two names for one animation: a change of the name begins it anew.
  #flash() {
    this.element.dataset.change = this.element.dataset.change === "a" ? "b" : "a";
  }
}

function title({ value, unit, source_ts: measured, source }) {
  return measured ? `${value} ${unit}, measured ${utcTime(measured)}, source ${source}` : "Never measured";
}
