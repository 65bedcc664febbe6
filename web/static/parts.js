/** Health of the worker's components. */

import { byId, make } from "./dom.js";
import { fullTime } from "./format.js";

let shown = "";

/** @param {Record<string, {ok: boolean, detail: string, since: string | null}>} parts those of /healthz */
export function showParts(parts) {
  const document = JSON.stringify(parts);
  if (document === shown) return;
  shown = document;
  byId("parts").replaceChildren(...Object.entries(parts).map(([name, part]) => entry(name, part)));
}

function entry(name, { ok, detail, since }) {
  const word = make("b", {}, ok ? "✓ ok" : "✗ failing");
  const more = ok ? "" : `${since ? ` since ${fullTime(since)}` : ""}: ${detail}`;
  return make("li", { "data-ok": String(ok) }, make("strong", {}, name), " ", word, more);
}
