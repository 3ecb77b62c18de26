// The place of results in a page of docs/.

import { readFileSync, writeFileSync } from 'node:fs';

/** The comments between which a command's results are. */
export function marksOf(command) {
  return { start: `<!-- results: ${command} -->\n`, end: '<!-- end of results -->\n' };
}

/** Puts results between the two marks of a page. */
export function putResults(page, { start, end }, results) {
  const text = readFileSync(page, 'utf8');
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${page} has no place for the results`);
  writeFileSync(page, text.slice(0, from) + start + '\n' + results + '\n' + text.slice(to));
}
