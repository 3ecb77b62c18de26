// Ratios a round, and what to say of a list of them.

/** @returns {{ median: number, min: number, max: number }} of one number or more */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/**
 * A round's costs as ratios. The baseline runs first and last in a round, and the others are
 * compared with the mean of the two, which takes a steady drift of the machine out. Its own
 * ratio, last to first, is the noise.
 *
 * @param {{ first: number, last: number, others: Record<string, number> }} round in any unit
 * @returns {{ baseline: number, others: Record<string, number> }}
 */
export function ratios({ first, last, others }) {
  const base = (first + last) / 2;
  const entries = Object.entries(others).map(([name, cpu]) => [name, cpu / base]);
  return { baseline: last / first, others: Object.fromEntries(entries) };
}

/** Ratios to another contender than the baseline, from the ratios of both to it, round by round. */
export function against(ratio, other) {
  return ratio.map((value, round) => value / other[round]);
}

/** The order of the others in a round: A B C, then C B A, and so on. */
export function order(names, round) {
  return round % 2 ? [...names].reverse() : names;
}
