/** Sparkline of an item's recent numbers. */

import { draw } from "./dom.js";

const MOST = 60;
const WIDTH = 80, HEIGHT = 22, MARGIN = 2;

/** The points of one item, `[milliseconds since 1970, number]`, and the line through them. */
export class Sparkline {
  #points = [];
  #line = draw("polyline");
  #behind = false;

  constructor() {
    const viewBox = `0 0 ${WIDTH} ${HEIGHT}`;
    this.element = draw("svg", { class: "spark", viewBox, preserveAspectRatio: "none", "aria-hidden": "true" }, this.#line);
  }

  /** Puts in what others have seen. */
  merge(points) {
    const all = new Map([...points, ...this.#points]);
    this.#points = [...all].sort(([one], [other]) => one - other).slice(-MOST);
    this.#behind = true;
  }

  add(time, number) {
    const newest = this.#points.at(-1);
    if (newest && newest[0] > time) return;
    if (newest && newest[0] === time) this.#points.pop(); // the later of two readings of one instant
    this.#points.push([time, number]);
    this.#points.splice(0, this.#points.length - MOST);
    this.#behind = true;
  }

  /** Draws what has come since it was drawn last. */
  draw() {
    if (!this.#behind || this.#points.length < 2) return;
    this.#behind = false;
    // Halves, of which no difference is too large to be a number.
    const numbers = this.#points.map(([, number]) => number / 2);
    const least = Math.min(...numbers), range = Math.max(...numbers) - least;
    const [begin] = this.#points[0], length = this.#points.at(-1)[0] - begin;
    const place = ([time, number]) => {
      const x = ((time - begin) / length) * WIDTH;
      const up = range ? (number / 2 - least) / range : 0.5;
      return `${x.toFixed(1)},${(HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN)).toFixed(1)}`;
    };
    this.#line.setAttribute("points", this.#points.map(place).join(" "));
  }
}
