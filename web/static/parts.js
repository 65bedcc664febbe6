/** How the parts of the worker are. */

import { byId, make } from "./dom.js";
import { localTime, utcTime } from "./format.js";

let shown = "";

/** @param {Record<string, {ok: boolean, detail: string, since: string | null}>} parts those of /healthz */
export function showParts(parts) {
  const document = JSON.stringify(parts);
  if (document === shown) return;
  shown = document;
  byId("parts").replaceChildren(...Object.entries(parts).map(([name, part]) => entry(name, part)));
}

function entry(name, { ok, detail, since }) {
  const title = since ? { title: `since ${localTime(since)}, ${utcTime(since)}` } : {};
  const word = make("b", {}, ok ? "✓ ok" : "✗ failing");
  return make("li", { "data-ok": String(ok), ...title }, make("strong", {}, name), " ", word, ok ? "" : `: ${detail}`);
}
