// One frame as an element: the figure of RFC 6455 §5.2, the bytes beside it, and what they say.
import { bytesText, count, describePayload, fieldsOf, hexOf, ROW_BITS, segmentsOf } from './fields.js';
import { opcodeName } from './frame.js';

// Twelve rows of the figure; the rest of a longer frame is not drawn.
const DRAWN_BYTES = 48;
const HEX_COLUMNS = 8;

const DIRECTIONS = { in: 'client → server', out: 'server → client' };

const clock = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23'
});

/**
 * Draws `frame` (of frame.js; `bytes` may be cut). `direction` is 'in' or 'out' as the server sees
 * it, `time` in milliseconds since 1970, `title` what to call it.
 */
export function drawFrame(frame, { direction, time, title }) {
  const fields = fieldsOf(frame, DRAWN_BYTES - frame.payloadOffset);
  const drawn = frame.bytes.subarray(0, DRAWN_BYTES);
  const figure = make('article', `frame ${direction}`, [
    header(frame, direction, time, title),
    make('div', 'drawing', [
      drawFields(fields, frame),
      make('div', 'beside', [
        drawHex(drawn, fields, frame),
        make('p', 'hint', [], { 'aria-live': 'polite' })
      ])
    ]),
    make('p', 'says', [describePayload(frame)])
  ]);
  figure.setAttribute('aria-label', `${title}: ${opcodeName(frame.opcode)}, ${DIRECTIONS[direction]}`);
  fieldsIn.set(figure, fields);
  return figure;
}

/** Makes the figures inside `root` answer to the pointer and the arrow keys. */
export function linkFigures(root) {
  root.addEventListener('pointerover', figuresOnPointerOver);
  root.addEventListener('pointerleave', figuresOnPointerLeave);
  root.addEventListener('keydown', figuresOnKeyDown);
}

/** The fields of each drawn figure, by its element; cells and hex bytes name them by index. */
const fieldsIn = new WeakMap();
/** The one figure with something lit. */
let litFigure = null;

function figuresOnPointerOver({ target }) {
  const part = target.closest('[data-field], [data-byte]');
  if (part === null) {
    clear();
    return;
  }
  const figure = part.closest('.frame');
  if (part.dataset.byte === undefined) lightField(figure, Number(part.dataset.field));
  else lightByte(figure, Number(part.dataset.byte));
}

function figuresOnPointerLeave({ pointerType }) {
  // A finger leaves when it is lifted, and then wants to read.
  if (pointerType === 'mouse') clear();
}

function figuresOnKeyDown(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const grid = event.target.closest('.fields');
  if (step === undefined || grid === null) return;
  event.preventDefault();
  const figure = grid.closest('.frame');
  const last = fieldsIn.get(figure).length - 1;
  const current = figure.querySelector('.cell.lit')?.dataset.field ?? (step > 0 ? -1 : last + 1);
  lightField(figure, Math.min(Math.max(Number(current) + step, 0), last));
}

function lightField(figure, index) {
  const field = fieldsIn.get(figure)[index];
  light(figure, [index], range(...bytesOf(field)), `${field.name}: ${field.hint} (${placeOf(field)})`);
}

function lightByte(figure, byte) {
  const fields = fieldsIn.get(figure);
  const indexes = range(0, fields.length - 1).filter((index) => {
    const [first, last] = bytesOf(fields[index]);
    return byte >= first && byte <= last;
  });
  const inByte = indexes.map((index) => fields[index]);
  const text = inByte.length === 1
    ? `${inByte[0].name}: ${inByte[0].hint}`
    : inByte.map(({ name, value }) => `${name} ${value}`).join(', ');
  light(figure, indexes, [byte], `Byte ${byte}: ${text}`);
}

function light(figure, fields, bytes, hint) {
  clear();
  litFigure = figure;
  for (const index of fields) addClass(figure, `[data-field="${index}"]`);
  for (const index of bytes) addClass(figure, `[data-byte="${index}"]`);
  figure.querySelector('.hint').textContent = hint;
}

function clear() {
  if (litFigure === null) return;
  for (const part of litFigure.querySelectorAll('.lit')) part.classList.remove('lit');
  litFigure.querySelector('.hint').textContent = '';
  litFigure = null;
}

function addClass(figure, selector) {
  for (const part of figure.querySelectorAll(selector)) part.classList.add('lit');
}

function header(frame, direction, time, title) {
  const facts = [
    frame.fin ? null : 'not final',
    frame.masked ? 'masked' : 'not masked',
    `${bytesText(frame.length)} of payload`,
    `${count(frame.size)} on the wire`
  ];
  return make('header', '', [
    make('span', 'direction', [DIRECTIONS[direction]]),
    make('h3', '', [opcodeName(frame.opcode)]),
    make('span', 'facts', [facts.filter((fact) => fact !== null).join(' · ')]),
    make('span', 'title', [title]),
    make('time', '', [clock.format(time)], { datetime: new Date(time).toISOString() })
  ]);
}

function drawFields(fields, frame) {
  const grid = make('div', 'fields', [...drawRuler(), ...fields.flatMap(drawCells)], {
    role: 'group',
    tabindex: '0',
    'aria-label': 'Fields: the arrow keys step through them'
  });
  const hidden = frame.size - Math.min(DRAWN_BYTES, frame.bytes.length);
  if (hidden > 0) grid.append(span(0, ROW_BITS, make('p', 'more', [`${bytesText(hidden)} more, not drawn`])));
  return grid;
}

/** The two lines of digits above the figure: tens where they change, then units. */
function drawRuler() {
  const bits = range(0, ROW_BITS - 1);
  const tens = bits.filter((bit) => bit % 10 === 0)
    .map((bit) => span(bit, 1, make('span', 'digit tens', [String(bit / 10)], { 'aria-hidden': 'true' })));
  const units = bits
    .map((bit) => span(bit, 1, make('span', 'digit', [String(bit % 10)], { 'aria-hidden': 'true' })));
  return [...tens, ...units];
}

/** A cell for each row that the field is in; what is on the wire is shared out by bytes. */
function drawCells(field, index) {
  const octets = field.value.split(' ');
  return segmentsOf(field).map(({ column, bits, from }, part) => {
    const isFirst = part === 0;
    const cell = make('div', `cell ${field.kind}`, [], { 'data-field': String(index) });
    cell.classList.toggle('bit', field.bits === 1);
    cell.classList.toggle('continued', !isFirst);
    if (field.kind !== 'payload') cell.append(make('span', 'name', [isFirst ? field.name : continued(field)]));
    const firstOctet = (from - field.bit) / 8;
    const value = field.bits < 16 ? field.value : octets.slice(firstOctet, firstOctet + bits / 8).join(' ');
    cell.append(make('span', 'value', [value]));
    if (isFirst && field.plain !== '') cell.append(make('span', 'plain', [field.plain]));
    return span(column, bits, cell);
  });
}

/** As the RFC's figure writes it, without the width: "masking key, continued". */
function continued({ name }) {
  return `${name.replace(/ \(.*/, '')}, continued`;
}

function drawHex(bytes, fields, frame) {
  const kinds = kindsOfBytes(bytes.length, fields);
  const rows = range(0, Math.ceil(bytes.length / HEX_COLUMNS) - 1).map((row) => {
    const start = row * HEX_COLUMNS;
    const cells = Array.from(bytes.subarray(start, start + HEX_COLUMNS), (byte, column) => make(
      'span', `byte ${kinds[start + column]}`, [hexOf([byte])], { 'data-byte': String(start + column) }
    ));
    return make('div', 'line', [
      make('span', 'offset', [start.toString(16).padStart(4, '0')], { 'aria-hidden': 'true' }), ...cells
    ]);
  });
  const hidden = frame.size - bytes.length;
  if (hidden > 0) rows.push(make('div', 'line', [make('span', 'offset', [`… ${bytesText(hidden)} more`])]));
  return make('div', 'hex', rows, { role: 'group', 'aria-label': 'The same bytes in hexadecimal' });
}

/** The field that gives each byte its colour: the last one in it. */
function kindsOfBytes(length, fields) {
  const kinds = new Array(length).fill('payload');
  for (const field of fields) {
    for (const byte of range(...bytesOf(field))) kinds[byte] = field.kind;
  }
  return kinds;
}

/** The first and the last byte that a field has bits in. */
function bytesOf({ bit, bits }) {
  return [Math.floor(bit / 8), Math.floor((bit + bits - 1) / 8)];
}

function placeOf(field) {
  if (field.bits === 1) return `bit ${field.bit}`;
  if (field.bits < 8) return `bits ${field.bit}–${field.bit + field.bits - 1}`;
  const [first, last] = bytesOf(field);
  return first === last ? `byte ${first} of the frame` : `bytes ${first}–${last} of the frame`;
}

function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Puts an element on the 32 columns of the figure. */
function span(column, bits, element) {
  element.style.gridColumn = `${column + 1} / span ${bits}`;
  return element;
}

/** Text goes in as text: nothing of what comes over the wire is ever markup. */
export function make(name, className, children = [], attributes = {}) {
  const element = document.createElement(name);
  if (className !== '') element.className = className;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
