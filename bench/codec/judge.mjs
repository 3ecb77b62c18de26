// What the gate says of its counts.

/**
 * @param {Record<string, number>} bounds the most instructions a frame may take, by run
 * @param {Map<string, number>} counts what it takes
 * @returns {{ lines: string[], failed: number }} a line for each bound; one without a count fails
 */
export function judge(bounds, counts) {
  const verdicts = Object.entries(bounds).map(([run, bound]) => {
    const count = counts.get(run);
    return { run, bound, count, holds: count <= bound };
  });
  return {
    lines: verdicts.map(({ run, bound, count, holds }) =>
      `${holds ? 'holds ' : 'BROKEN'}  ${run}: ${count?.toFixed(1) ?? 'was not run'}, at most ${bound}`),
    failed: verdicts.filter(({ holds }) => !holds).length
  };
}
