/** Search of items, in the words of a layman or of a flight controller. The worker's `item_search.py` ranks alike. */

/** How well a phrase fits; the least is best. */
const EXACT = 0, BEGINNING = 1, WORDS_OF_ONE = 2, WORDS_OF_SEVERAL = 3;
/** The words are somewhere within: `pee` in `speed`. That counts only if nothing fits better. */
export const INSIDE = 4;
/** A better rank is worth more than any place among the phrases. */
const PLACES = 1000;

/** @param {string} text as typed */
export function question(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return { typed: words.join(" "), words, begun: words.map(beginning) };
}

/**
 * @param {ReturnType<typeof question>} asked
 * @param {string[]} phrases in lower case, the most telling first
 * @returns {number} less for what fits better, Infinity for what does not
 */
export function rank({ typed, words, begun }, phrases) {
  const everything = phrases.join("\n");
  if (!words.every((word) => everything.includes(word))) return Infinity;
  if (!begun.every((one) => one.test(everything))) return INSIDE;
  return Math.min(...phrases.map((phrase, place) => phraseRank(typed, begun, phrase) + place / PLACES));
}

function phraseRank(typed, begun, phrase) {
  if (phrase === typed) return EXACT;
  if (phrase.startsWith(typed)) return BEGINNING;
  return begun.every((one) => one.test(phrase)) ? WORDS_OF_ONE : WORDS_OF_SEVERAL;
}

function beginning(word) {
  return new RegExp(`(?<![\\p{L}\\p{N}])${word.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&")}`, "u");
}
