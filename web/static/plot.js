/** The history of one item as a line that follows its container, its colours and new readings. */

import { figure, measureRange, percentRange, powerOf, shortened, timeLabels } from "./axes.js";
import { clock } from "./clock.js";
import { unitText } from "./format.js";
import { markUses, shadeGaps } from "./marks.js";
import { ROOT } from "./root.js";
import { beginning, isNamed, pointsOf, seconds, withHold, withReading } from "./series.js";
import { description, named, overview, pointedAt } from "./words.js";
import { ZONE } from "./zone.js";

const LIBRARY = `${ROOT}static/uPlot.iife.min.js`;
const HEIGHT = 260;
/** How wide the plot must be for each letter of the names of states, so that they take a third of it at most. */
const PIXELS_A_LETTER = 20;
/** A plot that begins at its first reading is at least as long. */
const SHORTEST_SECONDS = 60;
const FONT = "12px system-ui, sans-serif";

let library;

/**
 * @param {HTMLElement} element
 * @param {{label?: string, height?: number, onZoom?: (from: number, to: number) => void}} options the name of what is
 *   drawn, for those who hear the page; the height in pixels; what to do with a stretch that was dragged over
 * @returns setData(summary, {gaps, uses, before}) draws a document of /api/v1/telemetry/summary, with what history.js
 *   says of its span and the value before it, each if known; append(time, value) adds a reading that came since;
 *   extend(time) says that the last value still holds; destroy(). Times are milliseconds since 1970.
 */
export function plot(element, options = {}) {
  const drawing = new Drawing(element, options);
  return {
    setData: (summary, overlays = {}) => drawing.show(summary, { gaps: [], uses: [], before: null, ...overlays }),
    append: (time, value) => drawing.follow((points) => withReading(points, time / 1000, value), time / 1000),
    extend: (time) => drawing.follow((points) => withHold(points, time / 1000), time / 1000),
    destroy: () => drawing.destroy(),
  };
}

class Drawing {
  constructor(element, options) {
    Object.assign(this, { element, options, points: [], overlays: { gaps: [], uses: [] }, summary: null, gone: false });
    this.readout = element.appendChild(document.createElement("p"));
    this.readout.className = "readout";
    this.host = element.appendChild(document.createElement("div"));
    Object.assign(this.host.style, { minWidth: "0", overflow: "hidden" });
    this.host.setAttribute("role", "img");
    this.host.setAttribute("aria-label", `${options.label ?? "History"}: not loaded yet`);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(element);
    loaded();
    this.colours = matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => this.chart?.redraw(false);
    this.colours.addEventListener("change", this.repaint);
  }

  async show(summary, overlays) {
    const end = seconds(summary.to), start = Math.min(beginning(summary, overlays.gaps), end - SHORTEST_SECONDS);
    Object.assign(this, { summary, overlays, span: [start, end], most: end - seconds(summary.from) });
    this.points = pointsOf(summary, overlays.gaps, Math.min(this.span[1], clock() / 1000), overlays.before);
    this.names = isNamed(summary) ? this.occurring() : null;
    await loaded();
    if (this.gone || this.summary !== summary) return;
    if (this.chart && this.chart.named === Boolean(this.names)) this.chart.setData(this.columns());
    else this.draw();
    this.describe();
  }

  draw() {
    this.chart?.destroy();
    this.chart = new globalThis.uPlot(this.layout(), this.columns(), this.host);
    this.chart.named = Boolean(this.names);
  }

  follow(changed, time) {
    if (!this.summary || !this.span) return;
    const points = changed(this.points);
    if (points === this.points) return;
    this.points = points;
    const end = Math.max(time, this.span[1]);
    this.span = [Math.max(this.span[0], end - this.most), end];
    if (this.names) this.names = this.occurring();
    this.chart?.setData(this.columns());
    this.describe();
  }

  destroy() {
    this.gone = true;
    this.observer.disconnect();
    this.colours.removeEventListener("change", this.repaint);
    this.chart?.destroy();
    this.readout.remove();
    this.host.remove();
  }

  resize() {
    this.chart?.setSize(this.size());
  }

  size() {
    return { width: Math.max(this.element.clientWidth, 120), height: this.options.height ?? HEIGHT };
  }

  /** State number -> its place on the axis, of those that occur. */
  occurring() {
    const numbers = new Set(this.points.map((point) => point.mean).filter((mean) => mean !== null));
    return new Map([...numbers].sort((one, other) => one - other).map((number, place) => [number, place]));
  }

  columns() {
    this.power = powerOf(this.points.flatMap(({ low, high }) => [low, high]));
    const height = this.names ? (value) => this.names.get(value) ?? null : (value) => (value === null ? null : value / this.power);
    const column = (name) => this.points.map((point) => height(point[name]));
    return [this.points.map((point) => point.time), column("mean"), column("low"), column("high")];
  }

  layout() {
    const colour = (name) => () => this.colour(name);
    const edge = { width: 0, points: { show: false } };
    return {
      ...this.size(),
      tzDate: (time) => (ZONE ? globalThis.uPlot.tzDate(new Date(time * 1000), ZONE) : new Date(time * 1000)),
      padding: [18, 24, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, dataIdx: (_, __, nearest, time) => this.at(nearest, time), drag: { x: Boolean(this.options.onZoom), y: false, setScale: false } },
      scales: { x: { range: () => this.span }, y: { range: (_, low, high) => this.range(low, high) } },
      axes: this.axes(colour),
      series: [{}, { stroke: colour("--accent"), width: 1.75, points: { show: false } }, edge, edge],
      bands: [{ series: [3, 2], fill: () => this.colour("--accent", 0.2) }],
      hooks: {
        drawClear: [(chart) => shadeGaps(chart, this.overlays.gaps, this.colour("--quiet"))],
        draw: [(chart) => markUses(chart, this.overlays.uses, { use: this.colour("--warn") })],
        setCursor: [() => this.read()],
        setSelect: [(chart) => this.zoom(chart)],
      },
    };
  }

  axes(colour) {
    const common = { font: FONT, stroke: colour("--quiet"), ticks: { show: false } };
    const lines = { grid: { stroke: colour("--line"), width: 1 } };
    const values = this.names
      ? { splits: () => [...this.names.values()], values: (_, places) => places.map((place) => this.nameAt(place)), grid: { show: false } }
      : { values: (_, splits) => splits.map((split) => figure(split * this.power)), ...lines };
    const times = { values: (_, splits, axis, room, step) => timeLabels(splits, step), space: 64, size: 42 };
    return [
      { ...common, ...lines, ...times },
      { ...common, ...values, size: (chart, labels) => widest(chart, labels) },
    ];
  }

  range(low, high) {
    if (this.names) return [-0.5, Math.max(this.names.size, 1) - 0.5];
    return unitText(this.summary.unit) === "%" ? percentRange(low, high) : measureRange(low, high);
  }

  nameAt(place) {
    const number = [...this.names.keys()][place];
    return number === undefined ? "" : shortened(named(this.summary, number), this.element.clientWidth / PIXELS_A_LETTER);
  }

  colour(name, alpha = 1) {
    const value = getComputedStyle(this.element).getPropertyValue(name).trim() || "#888";
    return alpha === 1 ? value : `color-mix(in srgb, ${value} ${alpha * 100}%, transparent)`;
  }

  zoom(chart) {
    const { left, width } = chart.select;
    if (width < 4) return;
    const [from, to] = [left, left + width].map((place) => Math.round(chart.posToVal(place, "x") * 1000));
    chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.options.onZoom(from, to);
  }

  read() {
    const { idx, left } = this.chart?.cursor ?? {};
    const pointed = idx !== null && idx !== undefined && left >= 0;
    const time = pointed ? this.chart.posToVal(left, "x") : 0;
    this.readout.textContent = pointed ? pointedAt(this, time, this.points[this.at(idx, time)]) : overview(this);
  }

  /** The index of the point for a time; null before the first and after the last, where nothing is known. */
  at(nearest, time) {
    const reach = this.summary.bucket_seconds;
    return this.points.length && time >= this.points[0].time - reach && time <= this.points.at(-1).time + reach ? nearest : null;
  }

  describe() {
    this.host.setAttribute("aria-label", description(this));
    this.read();
  }
}

function widest(chart, labels) {
  if (!labels) return 40;
  chart.ctx.save();
  chart.ctx.font = FONT;
  const width = Math.max(...labels.map((label) => chart.ctx.measureText(label).width), 20);
  chart.ctx.restore();
  return Math.ceil(width) + 16;
}

/** The library is a plain script, so it is fetched as one, once a page. */
function loaded() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    Object.assign(script, { src: LIBRARY, onload: resolve, onerror: () => reject(new Error(`${LIBRARY} does not load`)) });
    document.head.append(script);
  });
  return library;
}
