/** Plain names and synonyms of the items. They are fetched when somebody searches: the first look needs none. */

import { ROOT } from "./root.js";

let asked = null;

/** @returns {Promise<{item_id: string, plain_name: string, synonyms: string[]}[]>} none while the worker is away */
export function synonyms() {
  asked ??= load().catch(forgotten);
  return asked;
}

async function load() {
  const answer = await fetch(`${ROOT}api/v1/items`);
  return answer.ok ? (await answer.json()).items : forgotten();
}

/** The next search asks again. */
function forgotten() {
  asked = null;
  return [];
}
