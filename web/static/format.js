/** Numbers, units and times as people read them. */

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const SPANS = [[2 * DAY, DAY, "d"], [2 * HOUR, HOUR, "h"], [2 * MINUTE, MINUTE, "min"], [0, SECOND, "s"]];

const DIGITS = 6;
const LONG_DECIMAL = /^-?\d+\.\d+(e[+-]?\d+)?$/i;

/** The catalogue's units that are codes; all others are shown as they are. */
const UNITS = { AMP: "A", CNT: "counts", DEG: "°", G: "g", INTEGR: "", KG: "kg", "LBM/D": "lb/d", M: "m", "M/S": "m/s",
  MS: "ms", ND: "", PCT: "%", S: "s", YR: "" };

/** @param {number} milliseconds @returns {string} such as "12 s" */
export function span(milliseconds) {
  const length = Math.max(0, milliseconds);
  const [, one, unit] = SPANS.find(([least]) => length >= least);
  return `${Math.floor(length / one)} ${unit}`;
}

/**
 * A value as sent, but long decimals to six digits and states by their name.
 * @param {{value: string | null, number: number | null, state: string | null}} item
 */
export function valueText({ value, number, state }) {
  if (value === null) return "–";
  if (state !== null) return state;
  const short = value.length <= DIGITS + 2 || !LONG_DECIMAL.test(value);
  return short ? value : rounded(number);
}

/** @param {number} percent @returns {string} with one decimal at most */
export function levelText(percent) {
  return String(Number(percent.toFixed(1)));
}

/** @param {string} unit of the catalogue */
export function unitText(unit) {
  return UNITS[unit] ?? unit;
}

/** @param {string} time RFC 3339 @returns {string} in the reader's own zone, such as "24 Nov, 03:14 your time" */
export function localTime(time) {
  const date = new Date(time);
  const clock = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${clock} your time`;
}

/** @param {string} time RFC 3339 @returns {string} in UTC, such as "02:14", with the day unless it is today */
export function shortTime(time) {
  const date = new Date(time);
  const clock = date.toISOString().slice(11, 16);
  if (date.toISOString().slice(0, 10) === new Date().toISOString().slice(0, 10)) return clock;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })}, ${clock}`;
}

/** @param {string} time RFC 3339 @returns {string} such as "2026-11-24 02:14:05 UTC" */
export function utcTime(time) {
  return `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function rounded(number) {
  return Math.abs(number) >= 10 ** DIGITS ? String(Math.round(number)) : number.toPrecision(DIGITS);
}
