/** Numbers, units and times as people read them. */

import { zoned, ZONE_NAME } from "./zone.js";

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const SPANS = [[2 * DAY, DAY, "d"], [2 * HOUR, HOUR, "h"], [2 * MINUTE, MINUTE, "min"], [0, SECOND, "s"]];

const DIGITS = 6;
/** Beyond these limits a number is written with an exponent: no measurement needs so many digits. */
const LARGEST = 1e9, SMALLEST = 1e-6;

/** Invisible characters, which may hide or reverse adjacent text. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Display names of the catalogue's unit codes; all other units are shown unchanged. */
const UNITS = { AMP: "A", CNT: "counts", DEG: "°", G: "g", INTEGR: "", KG: "kg", "LBM/D": "lb/d", M: "m", "M/S": "m/s",
  MS: "ms", ND: "", PCT: "%", S: "s", YR: "" };

/** @param {number} milliseconds @returns {string} such as "12 s" */
export function span(milliseconds) {
  const length = Math.max(0, milliseconds);
  const [, one, unit] = SPANS.find(([least]) => length >= least);
  return `${Math.floor(length / one)} ${unit}`;
}

/**
 * A value as sent, but long numbers to six digits and states by their name.
 * @param {{value: string | null, number: number | null, state: string | null}} item
 */
export function valueText({ value, number, state }) {
  if (value === null) return "–";
  if (state !== null) return state;
  const short = number === null || (value.length <= DIGITS + 2 && !isExtreme(number));
  return short ? visible(value) : rounded(number);
}

/** @param {string} text from outside @returns {string} with invisible characters escaped, such as "\u202e" */
export function visible(text) {
  return text.replace(UNSEEN, (one) => {
    const code = one.codePointAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}

/** @param {number} percent @returns {string} with at most one decimal */
export function levelText(percent) {
  return isExtreme(percent) ? withExponent(percent) : String(Number(percent.toFixed(1)));
}

/** @param {number} number @returns {boolean} whether it needs an exponent */
export function isExtreme(number) {
  const size = Math.abs(number);
  return size >= LARGEST || (size > 0 && size < SMALLEST);
}

/** @param {number} number @returns {string} such as "1.5e+12" */
export function withExponent(number) {
  return number.toExponential(DIGITS - 1).replace(/\.?0+e/, "e");
}

/** @param {string} unit of the catalogue */
export function unitText(unit) {
  return UNITS[unit] ?? unit;
}

const DAY_NAME = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/** @param {string} time RFC 3339 @returns {string} such as "02:14", with the day unless it is today */
export function shortTime(time) {
  const [day, clock] = zoned(time).slice(0, 16).split("T");
  return day === zoned(Date.now()).slice(0, 10) ? clock : `${DAY_NAME.format(new Date(day))}, ${clock}`;
}

/** @param {string | number} time @returns {string} such as "2026-11-24 02:14:05 UTC" */
export function fullTime(time) {
  return `${zoned(time).slice(0, 19).replace("T", " ")} ${ZONE_NAME}`;
}

function rounded(number) {
  if (isExtreme(number)) return withExponent(number);
  const short = number.toPrecision(DIGITS);
  return short.includes("e") ? String(Math.round(number)) : short;
}
