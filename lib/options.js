'use strict';

const errors = require('./errors.js');

// Options are checked by a table: each name has a check that throws, and a default. Nothing is
// coerced, and a name that is not in the table is refused; so is one that an object inherits, by a
// prototype or as a getter of its class, for it would be passed over.

/** A whole number from `least` to `most`. */
function integer(least, most) {
  return (name, value) => {
    if (typeof value !== 'number') throw errors.invalidArgType(name, 'a number', value);
    if (!Number.isInteger(value) || value < least || value > most) {
      throw errors.outOfRange(name, `an integer from ${least} to ${most}`, value);
    }
  };
}

function boolean(name, value) {
  if (typeof value !== 'boolean') throw errors.invalidArgType(name, 'a boolean', value);
}

/** One of a few words. */
function oneOf(...words) {
  return (name, value) => {
    if (typeof value !== 'string') throw errors.invalidArgType(name, 'a string', value);
    if (!words.includes(value)) throw errors.invalidArgValue(name, `must be one of: ${words.join(', ')}`, value);
  };
}

/**
 * A copy of `options` with every default filled in.
 * @param whose what the options are called in errors
 * @param elsewhere names that are well known, but not here, with what to say of them
 * @throws TypeError for an unknown or inherited name or a wrong type, RangeError for a number out of range
 */
function checkOptions(options, table, defaults, whose = 'options', elsewhere = {}) {
  if (options === undefined) return defaults;
  // Neither an array nor a Map or Headers has properties: nothing of it would count.
  if (options === null || typeof options !== 'object' || Symbol.iterator in options) {
    throw errors.invalidArgType(whose, 'a plain object', options);
  }
  const inherited = Object.keys(table).find((name) => !Object.hasOwn(options, name) && options[name] !== undefined);
  if (inherited !== undefined) {
    throw errors.invalidArgValue(`${whose}.${inherited}`, 'must be a property of the object itself', options[inherited]);
  }
  const checked = { ...defaults };
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(table, name)) {
      const known = Object.keys(table);
      const advice = Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined;
      throw errors.unknownOption(`${whose}.${name}`, nearest(name, known), known, advice);
    }
    const value = options[name];
    if (value === undefined) continue;
    table[name](`${whose}.${name}`, value);
    checked[name] = value;
  }
  return checked;
}

/**
 * The name that `name` was probably meant to be, or null.
 * @param most letters that may be wrong
 */
function nearest(name, names, most = Math.max(2, name.length / 3)) {
  const [best] = names
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  if (best === undefined) return null;
  return best.distance <= most ? best.candidate : null;
}

/** Letters that are wrong, too many, absent, or in each other's place. */
function editDistance(a, b) {
  // A long name is nobody's slip of the finger.
  if (a.length > 64) return Infinity;
  a = a.toLowerCase();
  b = b.toLowerCase();
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const [above, row] = [rows[i - 1], [i]];
    for (let j = 1; j <= b.length; j++) {
      const substitution = above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(substitution, above[j] + 1, row[j - 1] + 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}

/** The same advice for each of some names. */
function advise(advice, names) {
  return Object.fromEntries(names.map((name) => [name, advice]));
}

module.exports = { advise, boolean, checkOptions, integer, nearest, oneOf };
