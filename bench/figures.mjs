// What is taken of a run. `of` gets the marks of the contender before and after, and what the load
// generator says it did.

export const FIGURES = {
  cpu: {
    about: 'CPU',
    unit: 'µs',
    of: ({ before, after, load }) => (after.cpu - before.cpu) / load.messages
  },
  rss: {
    about: 'RSS',
    unit: 'B',
    of: ({ before, after, load }) => (after.rss - before.rss) / load.messages
  },
  heap: {
    about: 'heap',
    unit: 'B',
    of: ({ before, after, load }) => (after.heap - before.heap) / load.messages
  },
  p50: { about: 'p50', unit: 'µs', of: ({ load }) => load.p50 },
  p99: { about: 'p99', unit: 'µs', of: ({ load }) => load.p99 },
  bytes: {
    about: 'bytes back',
    unit: 'B',
    of: ({ load }) => load.bytes / load.messages
  }
};

/** What a row of the table is called: the scenario, and of several figures which. */
export function rowName(scenario, figure) {
  return scenario.figures.length > 1 ? `${scenario.name}, ${FIGURES[figure].about}` : scenario.name;
}
