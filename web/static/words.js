/** Plot in words, for the pointer and for screen readers. `view` is what is drawn. */

import { figure, moment } from "./axes.js";
import { unitText } from "./format.js";
import { CAUSES } from "./history.js";
import { seconds } from "./series.js";

/** @param {{states: object}} summary @param {number} number @returns {string} the name of a state */
export const named = (summary, number) => summary.states[number] ?? figure(number);

/** @returns {string} minimum, maximum and last value of the whole plot */
export function overview(view) {
  const known = view.points.filter((point) => point.mean !== null);
  if (!known.length) return "no readings";
  const last = `last ${written(view, known.at(-1).last)}`;
  if (view.names) return `${counted(view.names.size, "state", "states")}, ${last}`;
  const low = known.reduce((least, point) => Math.min(least, point.low), Infinity);
  const high = known.reduce((most, point) => Math.max(most, point.high), -Infinity);
  return low === high ? `${written(view, low)} throughout` : `${figure(low)} to ${written(view, high)}, ${last}`;
}

/** @param {any} point the point nearest to `time`; undefined where nothing is known */
export function pointedAt(view, time, point) {
  const gap = view.overlays.gaps.find((one) => seconds(one.start) <= time && (!one.end || seconds(one.end) > time));
  if (gap && !point?.measured) return `${moment(time)}  no readings: ${CAUSES[gap.cause] ?? gap.cause}`;
  if (point === undefined || point.mean === null) return `${moment(time)}  not known`;
  const spread = point.high > point.low ? ` (${figure(point.low)} to ${figure(point.high)})` : "";
  return `${moment(point.measured ? point.time : time)}  ${written(view, point.mean)}${spread}`;
}

/** @returns {string} span, values and marks in one sentence */
export function description(view) {
  const { gaps, uses } = view.overlays;
  const marks = [counted(gaps.length, "span without readings", "spans without readings"), counted(uses.length, "use", "uses")];
  const what = `${view.options.label ?? view.summary.name}, ${view.span.map(moment).join(" to ")}: ${overview(view)}`;
  return [what, ...marks.filter(Boolean)].join("; ");
}

function written({ names, summary }, value) {
  return names ? named(summary, value) : `${figure(value)} ${unitText(summary.unit)}`.trim();
}

const counted = (count, one, many) => (count ? `${count} ${count === 1 ? one : many}` : "");
