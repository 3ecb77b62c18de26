// The page: forms on the left, frames on the right.
import { bytesText, count, hexOf } from './fields.js';
import { drawFrame, linkFigures, make } from './figure.js';
import { parseHeader } from './frame.js';
import { Tab } from './tab.js';

const MAX_FIGURES = 200;
// A figure costs some milliseconds; more in one repaint, and the page would hang in a flood.
const FIGURES_A_REPAINT = 10;
const MAX_LOG_LINES = 200;
const MAX_LOG_CHARACTERS = 500;
const MAX_LOG_BYTES = 24;
// What crypto.getRandomValues gives at once.
const MAX_RANDOM_BYTES = 65_536;

// RFC 6455 §5.7: "A single-frame masked text message".
const EXAMPLE = '818537fa213d7f9f4d5158';

const $ = (id) => document.getElementById(id);

const tab = new Tab({
  state: showState,
  message: (data) => log('received', describe(data)),
  closed: ({ code, reason, wasClean }) => log(
    'state', `closed: code ${code}, reason ${reason === '' ? 'none' : `“${reason}”`}, wasClean ${wasClean}`
  ),
  frames: queueFrames,
  missed: (number) => {
    seen += number;
    missed += number;
    showCount();
  },
  viewerClosed: () => log('state', 'The viewer is closed: frames are not shown any more.'),
  pong: (milliseconds) => ($('pong').value = `Pong after ${milliseconds.toFixed(2)} ms.`),
  problem: showProblem
});

// Frames that are to be drawn.
const queue = [];
// Frames of this tab's connections, and how many of them came too fast to be drawn.
let seen = 0;
let missed = 0;
// Whether the chat shows its end, and stays there.
let logFollows = true;
let logWillScroll = false;

function showState(state) {
  $('state').textContent = state;
  $('state').dataset.state = state;
  $('connect').disabled = state !== 'closed';
  $('when-open').disabled = state !== 'open';
  showProblem('');
  if (state === 'open') log('state', `open, subprotocol ${tab.protocol}`);
}

function showProblem(text) {
  $('problem').textContent = text;
}

/** Runs a button's action; what a page may not do, it reads below the buttons. */
function act(action) {
  return (event) => {
    event.preventDefault();
    showProblem('');
    try {
      action();
    } catch (error) {
      showProblem(error.message);
    }
  };
}

function sendAndLog(data) {
  tab.send(data);
  log('sent', describe(data));
}

function sendText() {
  sendAndLog($('text').value);
  $('text').select();
}

function sendBinary() {
  const digits = $('bytes').value.replaceAll(/[\s,]|0x/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error('Two hexadecimal digits for each byte, please.');
  sendAndLog(bytesOfHex(digits));
}

function sendRandom() {
  const bytes = new Uint8Array(Number($('random-size').value));
  for (let start = 0; start < bytes.length; start += MAX_RANDOM_BYTES) {
    crypto.getRandomValues(bytes.subarray(start, start + MAX_RANDOM_BYTES));
  }
  sendAndLog(bytes);
}

function closeWith(close) {
  return act(() => {
    if ($('close-form').reportValidity()) close(Number($('code').value), $('reason').value);
  });
}

function describe(data) {
  if (typeof data === 'string') {
    if (data.length <= MAX_LOG_CHARACTERS) return data;
    return `${data.slice(0, MAX_LOG_CHARACTERS)}… (${count(data.length)} characters)`;
  }
  const bytes = new Uint8Array(data);
  const start = hexOf(bytes.subarray(0, MAX_LOG_BYTES));
  return `${start}${bytes.length > MAX_LOG_BYTES ? ' …' : ''} (${bytesText(bytes.length)})`;
}

function log(kind, text) {
  const list = $('log');
  list.append(make('li', kind, [make('span', 'kind', [kind]), make('span', 'text', [text])]));
  if (list.children.length > MAX_LOG_LINES) list.firstElementChild.remove();
  // Once a repaint: asking for heights after every line would lay the page out every time.
  if (logFollows && !logWillScroll) requestAnimationFrame(scrollLog);
  logWillScroll = logFollows;
}

function scrollLog() {
  logWillScroll = false;
  $('log').scrollTop = $('log').scrollHeight;
}

function logOnScroll({ target }) {
  if (!logWillScroll) logFollows = target.scrollHeight - target.scrollTop - target.clientHeight < 8;
}

function queueFrames({ direction, time, frames }) {
  if (queue.length === 0) requestAnimationFrame(drawQueue);
  for (const hex of frames) {
    seen += 1;
    queue.push({ hex, direction, time, title: `#${seen}` });
  }
  const excess = Math.max(queue.length - MAX_FIGURES, 0);
  queue.splice(0, excess);
  missed += excess;
}

function drawQueue() {
  const figures = queue.splice(0, FIGURES_A_REPAINT).map((frame) => make('li', '', [draw(frame)]));
  if (queue.length > 0) requestAnimationFrame(drawQueue);
  const list = $('frames');
  list.prepend(...figures.reverse());
  while (list.children.length > MAX_FIGURES) list.lastElementChild.remove();
  $('example').hidden = true;
  showCount();
}

function draw({ hex, ...facts }) {
  const bytes = bytesOfHex(hex);
  return drawFrame({ ...parseHeader(bytes), bytes }, facts);
}

function showCount() {
  const parts = [`${count(seen)} seen, newest first`];
  if (seen > MAX_FIGURES) parts.push(`the last ${MAX_FIGURES} kept`);
  if (missed > 0) parts.push(`${count(missed)} not drawn: they came too fast`);
  $('count').textContent = parts.join('; ');
}

function clearFrames() {
  $('frames').replaceChildren();
}

function bytesOfHex(digits) {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

$('address').textContent = `ws://${location.host}/`;
$('connect').addEventListener('click', () => tab.connect());
$('text-form').addEventListener('submit', act(sendText));
$('binary-form').addEventListener('submit', act(sendBinary));
$('random').addEventListener('click', act(sendRandom));
$('ping').addEventListener('click', act(() => tab.askPing()));
$('close-form').addEventListener('submit', closeWith((code, reason) => tab.close(code, reason)));
$('server-close').addEventListener('click', closeWith((code, reason) => tab.askClose(code, reason)));
$('log').addEventListener('scroll', logOnScroll, { passive: true });
$('clear').addEventListener('click', clearFrames);
$('example').append(draw({ hex: EXAMPLE, direction: 'in', time: Date.now(), title: 'example' }));
linkFigures($('frames'));
linkFigures($('example'));
