/** From a summary to the points of a line. The feed sends an item when it changes, so a value holds until the next. */

const INSTANT = 0.001;

export const seconds = (time) => Date.parse(time) / 1000;

export const isNamed = (summary) => Object.keys(summary.states ?? {}).length > 0;

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
  const readings = summary.buckets.map((bucket) => point(bucket, from)).filter((each) => each.mean !== null);
  const points = [...first, ...readings];
  const width = isNamed(summary) ? 0 : summary.bucket_seconds;
  return points.flatMap((each, place) => [each, ...holds(each, points[place + 1], end, stretches, each.measured ? width : 0)]);
}

/** `points` with a reading more at its end; one that is older than the newest changes nothing. */
export function withReading(points, time, value) {
  const known = points.findLast((point) => point.measured);
  if (known && time <= known.time) return points;
  const before = points.filter((point) => point.measured || point.time < time);
  const hold = before.at(-1)?.mean == null ? [] : [held(time - INSTANT, before.at(-1).last)];
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
