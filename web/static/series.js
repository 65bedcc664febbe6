/** Points of a line from a summary. The feed sends an item only when it changes, so a value holds until the next one. */

const INSTANT = 0.001;

export const seconds = (time) => Date.parse(time) / 1000;

export const isNamed = (summary) => Object.keys(summary.states ?? {}).length > 0;

/**
 * When a plot begins: at its first reading if nothing was known of the item before, else where the span does.
 * @returns {number} seconds since 1970
 */
export function beginning(summary, gaps) {
  const from = seconds(summary.from);
  const first = summary.before ? undefined : summary.buckets.find((bucket) => bucket.last !== null);
  const start = Math.max(first ? seconds(first.start) : from, from);
  // What was missed before it is worth seeing.
  return gaps.some((gap) => seconds(gap.start) < start) ? from : start;
}

/**
 * Points in order of time: {time, mean, low, high, last, measured}, times in seconds since 1970. Where nothing is known
 * the numbers are null, which breaks the line.
 * @param {number} end how far the last value holds
 * @param {number | null} before the value before the first reading, if it is known
 */
export function pointsOf(summary, gaps, end, before) {
  const stretches = gaps.map((gap) => [seconds(gap.start), gap.end ? seconds(gap.end) : end]);
  const point = isNamed(summary) ? statePoint : numberPoint;
  const from = seconds(summary.from);
  const first = before === null ? [] : [held(from, before)];
  const measured = summary.buckets.filter((bucket) => bucket.count > 0);
  const readings = measured.map((bucket) => point(bucket, from)).filter((each) => each.mean !== null);
  const points = [...first, ...readings];
  const width = isNamed(summary) ? 0 : summary.bucket_seconds;
  return points.flatMap((each, place) => [each, ...holds(each, points[place + 1], end, stretches, each.measured ? width : 0)]);
}

/** `points` with a reading more at its end: an older one changes nothing, one of the same instant replaces the newest. */
export function withReading(points, time, value) {
  const known = points.findLast((point) => point.measured);
  if (known && time < known.time) return points;
  const before = points.filter((point) => point.time < time);
  const last = before.at(-1);
  const hold = last?.mean == null || last.time >= time - INSTANT ? [] : [held(time - INSTANT, last.last)];
  return [...before, ...hold, { ...held(time, value), measured: true }];
}

/** `points` whose last value still holds at `time`. */
export function withHold(points, time) {
  const last = points.at(-1);
  if (last?.mean == null || last.time >= time) return points;
  return [...(last.measured ? points : points.slice(0, -1)), held(time, last.last)];
}

export function held(time, value) {
  return { time, mean: value, low: value, high: value, last: value, measured: false };
}

function numberPoint(bucket, from) {
  const { mean, min: low, max: high } = bucket;
  return { time: startOf(bucket, from), mean, low, high, last: number(bucket.last) ?? mean, measured: true };
}

/** Named states have no mean: the last one of a stretch stands for it. */
function statePoint(bucket, from) {
  return { ...held(startOf(bucket, from), number(bucket.last)), measured: true };
}

const startOf = (bucket, from) => Math.max(seconds(bucket.start), from);

const number = (text) => (text.trim() === "" || !Number.isFinite(Number(text)) ? null : Number(text));

/**
 * What is known between a point and the next: its own `width`, which readings fill, then its last value outside gaps.
 * After a gap that ends less than a `width` before the next point nothing is drawn: it would be a spike.
 */
function holds(point, following, end, gaps, width) {
  const next = following?.time ?? end;
  const over = Math.min(point.time + width, next);
  if (next - over < INSTANT && width > 0) return [];
  const points = [];
  let reached = over;
  for (const [from, to] of outside(gaps, over, next)) {
    if (from > reached) points.push(nothing(reached));
    if (from > reached && following && to - from <= width) return points;
    points.push(held(from, point.last), held(to - INSTANT, point.last));
    reached = to;
  }
  return reached < next ? [...points, nothing(reached)] : points;
}

const nothing = (time) => ({ time, mean: null, low: null, high: null, last: null, measured: false });

/** The stretches from `start` to `end` that are in none of `gaps`, which are in the order of their beginnings. */
function outside(gaps, start, end) {
  const free = [];
  let from = start;
  for (const [begin, over] of gaps.filter((gap) => gap[1] > start && gap[0] < end)) {
    if (begin > from) free.push([from, begin]);
    from = Math.max(from, over);
  }
  return from < end ? [...free, [from, end]] : free;
}
