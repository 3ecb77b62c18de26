'use strict';

const codec = require('./codec.js');
const { act } = require('./events.js');
const { FastBuffer, takeAssembly } = require('./memory.js');

// The way through the events that a native call has left in the table, and the payloads of each.

const { table, EVENTS, EVENT_WORDS } = codec;

/** The length of a close event. */
const CODE_MASK = (1 << codec.CODE) - 1;

/** How many walks are under way: more than one where a callback has another socket processed. */
let walks = 0;
/** Words of the table that the innermost of them uses. */
let used = 0;

/**
 * Begins a walk, which may be within another one.
 * @returns what `endWalk` gives back to that, or null
 */
function beginWalk() {
  return walks++ === 0 ? null : table.slice(0, used);
}

/** Says that the table holds so many events, which are there until the walk's end whatever callbacks do. */
function noteEvents(count) {
  used = EVENTS + count * EVENT_WORDS;
}

function endWalk(outer) {
  walks--;
  if (outer === null) return;
  table.set(outer);
  used = outer.length;
}

/** Does what an event asks for. */
function actOn(connection, memory, event, deliver) {
  const word = EVENTS + event * EVENT_WORDS;
  const kind = table[word];
  const payload = eventPayload(connection, memory, kind, table[word + 1], table[word + 2]);
  act(connection, kind & ~codec.IN_ASSEMBLY, payload, eventNumber(kind, word), deliver);
}

/** Adds the events from `event` to `end` to the entries of a backlog. */
function pushEvents(entries, connection, memory, event, end, deliver) {
  for (; event < end; event++) {
    const word = EVENTS + event * EVENT_WORDS;
    const kind = table[word];
    const payload = eventPayload(connection, memory, kind, table[word + 1], table[word + 2]);
    const entry = { kind: kind & ~codec.IN_ASSEMBLY, payload, number: eventNumber(kind, word), deliver };
    entries.push(entry, payload?.length ?? 0);
  }
}

/** The payload of an event, in memory that is never written again. */
function eventPayload(connection, memory, kind, offset, length) {
  if ((kind & codec.IN_ASSEMBLY) !== 0) {
    const message = takeAssembly(connection.assembly, length);
    connection.assembly = undefined;
    return message;
  }
  if (kind === codec.VIOLATION) return undefined;
  return new FastBuffer(memory, offset, kind === codec.CLOSE ? length & CODE_MASK : length);
}

/** The number that goes with an event: a close code, or a fault's. */
function eventNumber(kind, word) {
  if (kind === codec.CLOSE) return table[word + 2] >>> codec.CODE;
  return kind === codec.VIOLATION ? table[word + 1] : 0;
}

module.exports = { actOn, beginWalk, endWalk, noteEvents, pushEvents };
