/** Queries to this worker's archive. Every result is a promise; it rejects with a HistoryProblem and a sentence. */

import { ROOT } from "./root.js";

const API = `${ROOT}api/v1`;
const AWAY = "The worker does not answer";
const MOST_GAPS = 10_000;

/** What a gap's cause means. */
export const CAUSES = { los: "signal lost", silence: "station silent", outage: "feed away", restart: "worker restarted",
  overflow: "spool full", frozen: "broadcast frozen" };

export class HistoryProblem extends Error {
  /** @param {boolean} passing whether it is worth trying again, and then after `seconds` */
  constructor(sentence, passing, seconds = 5) {
    super(sentence);
    Object.assign(this, { passing, seconds });
  }
}

/** @param {{from: string, to?: string}} span as the API takes it: RFC 3339 or relative such as "-6h" */
export const summary = (item, span, points, signal) => ask("/telemetry/summary", { item, ...span, points }, signal);

export const readings = (item, span, limit, cursor, signal) => ask("/telemetry", { item, ...span, limit, cursor }, signal);

export const uses = async (span, signal) =>
  (await ask("/events", { ...span, kind: "use", limit: 1000 }, signal)).events;

/** Gaps of an item in the span, oldest first, as {cause, start, end, detail}; `end` is null while one lasts. */
export const gaps = async (item, span, signal) => (await ask("/gaps", { item, ...span, limit: MOST_GAPS }, signal)).gaps;

export function address(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null);
  return `${API}${path}?${new URLSearchParams(given)}`;
}

async function ask(path, parameters, signal) {
  const answer = await fetch(address(path, parameters), { signal }).catch((error) => {
    throw error.name === "AbortError" ? error : new HistoryProblem(AWAY, true);
  });
  const document = await answer.json().catch(() => ({ detail: `${AWAY} as it should (${answer.status})` }));
  if (answer.ok) return document;
  throw new HistoryProblem(document.detail, answer.status >= 500, Number(answer.headers.get("Retry-After")) || 5);
}
