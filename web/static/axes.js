/** Axes of a plot: labels of times and values. */

import { isExtreme, withExponent } from "./format.js";
import { ZONE, ZONE_NAME } from "./zone.js";

const IN_ZONE = { timeZone: ZONE, hourCycle: "h23" };
const FORMATS = {
  second: new Intl.DateTimeFormat("en-GB", { ...IN_ZONE, hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  minute: new Intl.DateTimeFormat("en-GB", { ...IN_ZONE, hour: "2-digit", minute: "2-digit" }),
  day: new Intl.DateTimeFormat("en-GB", { ...IN_ZONE, day: "numeric", month: "short" }),
};
const DAY = 86_400;

export const clock = (seconds) => FORMATS.second.format(seconds * 1000);
export const minute = (seconds) => FORMATS.minute.format(seconds * 1000);
export const day = (seconds) => FORMATS.day.format(seconds * 1000);
export const moment = (seconds) => `${day(seconds)} ${clock(seconds)} ${ZONE_NAME}`;

/** The labels of the time axis; midnight, and the first label, say the day. */
export function timeLabels(splits, step) {
  if (step >= DAY) return splits.map(day);
  const written = step >= 60 ? minute : clock;
  return splits.map((split, place) => (minute(split) === "00:00" || place === 0 ? `${written(split)}\n${day(split)}` : written(split)));
}

export function figure(value) {
  if (value === null || value === undefined) return "–";
  return isExtreme(value) ? withExponent(value) : value.toLocaleString("en", { maximumSignificantDigits: 7, useGrouping: false });
}

/** A long label without its middle: names of states differ at their ends. */
export function shortened(label, most) {
  const half = Math.floor((most - 1) / 2);
  return label.length > most ? `${label.slice(0, half).trimEnd()}…${label.slice(-half).trimStart()}` : label;
}

/** The library labels what lies within these; numbers beyond them are drawn by a power of ten less, or more. */
const DRAWN = [1e-15, 1e15];

/** @param {number[]} numbers @returns {number} the power of ten to draw them by */
export function powerOf(numbers) {
  const greatest = numbers.reduce((most, number) => Math.max(most, Math.abs(number)), 0);
  if (greatest === 0 || (greatest >= DRAWN[0] && greatest <= DRAWN[1])) return 1;
  return 10 ** Math.max(Math.floor(Math.log10(greatest)), -300);
}

/** Relative differences below are of rounding, and too small for an axis to have labels. */
const SAME = 1e-9;

/** The scale of measures: some air around what is drawn, and a height for what never changed. */
export function measureRange(low, high) {
  if (low === null || low === undefined) return [0, 1];
  const air = high - low > Math.abs(high) * SAME ? (high - low) * 0.08 : Math.max(Math.abs(high) * 0.01, 0.5);
  return [low - air, high + air];
}

/** The scale of what can be full: from empty to full, so that one percent is no cliff. */
export function percentRange(low, high) {
  return low >= 0 && high <= 100 ? [0, 100] : measureRange(low, high);
}
