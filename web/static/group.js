/** The items of one discipline, which fold away under its name. */

import { make, write } from "./dom.js";
import { makeStop } from "./rover.js";
import { SUBJECTS } from "./subjects.js";

export class Group {
  #list = make("ul", { class: "rows card" });
  #count = make("small");
  #rows = [];
  #narrowed = false;

  /**
   * @param {string} subject a key of SUBJECTS
   * @param {boolean} open whether the reader wants to see its items
   * @param {() => void} tell is called when the reader has opened or folded it
   */
  constructor(subject, open, tell) {
    Object.assign(this, { subject, open });
    const title = make("h3", {}, SUBJECTS[subject], " ", make("small", {}, subject));
    const summary = make("summary", {}, title, this.#count);
    this.element = make("details", { class: "group" }, summary, this.#list);
    this.element.open = open;
    summary.addEventListener("click", () => {
      if (this.#narrowed) return;
      this.open = !this.element.open;
      tell();
    });
  }

  /** @param {import("./row.js").Row} row */
  add(row) {
    this.#rows.push(row);
    this.#list.append(row.element);
  }

  /** @param {Map<import("./row.js").Row, number>} ranks the least comes first, and equal ones as they were added */
  arrange(ranks) {
    const sorted = [...this.#rows].sort((one, other) => ranks.get(one) - ranks.get(other));
    this.#list.append(...sorted.map(({ element }) => element));
    this.best = ranks.get(sorted[0]);
  }

  /** @param {boolean} narrowed whether only some items are asked for: then it is open, however the reader left it */
  narrow(narrowed) {
    this.#narrowed = narrowed;
    this.element.open = narrowed || this.open;
  }

  /** @param {number} count of its rows that are shown */
  show(count) {
    this.element.hidden = !count;
    write(this.#count, `${count} ${count === 1 ? "item" : "items"}`);
    makeStop(this.#list);
  }
}
