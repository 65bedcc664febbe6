/** How a plot writes times and values. Times are UTC. */

const UTC = { timeZone: "UTC", hourCycle: "h23" };
const FORMATS = {
  second: new Intl.DateTimeFormat("en-GB", { ...UTC, hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  minute: new Intl.DateTimeFormat("en-GB", { ...UTC, hour: "2-digit", minute: "2-digit" }),
  day: new Intl.DateTimeFormat("en-GB", { ...UTC, day: "numeric", month: "short" }),
};
const DAY = 86_400;

export const clock = (seconds) => FORMATS.second.format(seconds * 1000);
export const minute = (seconds) => FORMATS.minute.format(seconds * 1000);
export const day = (seconds) => FORMATS.day.format(seconds * 1000);
export const moment = (seconds) => `${day(seconds)} ${clock(seconds)} UTC`;

/** The labels of the time axis; midnight, and the first label, say the day. */
export function timeLabels(splits, step) {
  if (step >= DAY) return splits.map(day);
  const written = step >= 60 ? minute : clock;
  return splits.map((split, place) => (split % DAY === 0 || place === 0 ? `${written(split)}\n${day(split)}` : written(split)));
}

export const figure = (value) =>
  value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumSignificantDigits: 7, useGrouping: false });

/** A long label without its middle: names of states differ at their ends. */
export function shortened(label, most) {
  const half = Math.floor((most - 1) / 2);
  return label.length > most ? `${label.slice(0, half).trimEnd()}…${label.slice(-half).trimStart()}` : label;
}

/** The scale of measures: some air around what is drawn, and a height for what never changed. */
export function measureRange(low, high) {
  if (low === null || low === undefined) return [0, 1];
  const air = high > low ? (high - low) * 0.08 : Math.max(Math.abs(high) * 0.01, 0.5);
  return [low - air, high + air];
}
