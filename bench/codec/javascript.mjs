// One contender's codec in JavaScript, in a process of its own: node javascript.mjs WHO.
// Prints a line of JSON for each case: nanoseconds a frame.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

const CHUNK = 64 * 1024;
const SIZES = [[16, '16B'], [64, '64B'], [1024, '1KiB'], [16384, '16KiB'], [65536, '64KiB'], [1 << 20, '1MiB']];
const SENTENCE = 'Καλημέρα κόσμε — naïve façade, 日本語のテキスト 🙂. ';
const MASK = [0x37, 0xfa, 0x21, 0x3d];

/** Milliseconds of a measurement, about; the warm-up takes as long. */
const SPAN = 60;
/** What is passed before the event loop gets a turn, as it does between two reads. */
const TURN_BYTES = 256 * 1024;
const TURN_MOST = 256;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const contenders = {
  ours() {
    const { WS } = require(here('../../index.js'));
    const codec = require(here('../../lib/codec.js'));
    const { SERVER, CLIENT } = require(here('../../lib/connection.js'));
    const { JOIN_MAX } = require(here('../../lib/gathered.js'));
    const { Outbox } = require(here('../../lib/outbox.js'));
    return {
      receiver(onMessage) {
        const socket = { _is_server: true, write() { return true; }, end() {} };
        return (chunk) => WS.receive(socket, chunk, onMessage);
      },
      /** What `lib/send.js` does, without the queue of the socket. */
      sender(masks) {
        const id = codec.open(100 << 20, 1 << 17, 0, 0, 0, 0);
        const role = masks ? CLIENT : SERVER;
        const outbox = new Outbox({}, Infinity);
        return (payload) => {
          const room = payload.length + codec.HEADER_ROOM;
          // As if the kernel had taken what was gathered.
          if (outbox.pending > CHUNK / 2) outbox.end = outbox.start;
          if (payload.length <= JOIN_MAX) {
            outbox.put(id, role, codec.BINARY, payload, room);
            return outbox.slab;
          }
          if (!masks) {
            outbox.put(id, role, codec.BINARY | codec.HEADER_ONLY, payload, codec.HEADER_ROOM);
            return payload;
          }
          const frame = Buffer.allocUnsafeSlow(room);
          return frame.subarray(0, codec.frame(id, role, codec.BINARY, payload, frame, 0));
        };
      }
    };
  },

  ws() {
    const { Receiver, Sender } = require('ws');
    return {
      receiver(onMessage) {
        const receiver = new Receiver({ isServer: true, maxPayload: 100 << 20 });
        receiver.on('message', onMessage);
        return (chunk) => receiver.write(chunk);
      },
      sender(masks) {
        const options = { fin: true, mask: masks, opcode: 2, readOnly: true, rsv1: false };
        return (payload) => Sender.frame(payload, options);
      }
    };
  }
};

function payloadOf(content, size) {
  if (content === 'binary') return Buffer.from({ length: size }, (_, i) => (i * i + i * 7) & 0xff ^ 0x5a);
  if (content === 'ascii') return Buffer.from({ length: size }, (_, i) => 0x21 + i * 31 % 90);
  const text = [];
  for (let left = size, at = 0; left > 0; at++) {
    const characters = [...SENTENCE];
    const character = Buffer.from(characters[at % characters.length]);
    text.push(character.length <= left ? character : Buffer.alloc(left, '.'));
    left -= text.at(-1).length;
  }
  return Buffer.concat(text);
}

/** A client's frame. */
function frameOf(content, size) {
  const payload = payloadOf(content, size);
  const head = Buffer.alloc(14);
  head[0] = content === 'binary' ? 0x82 : 0x81;
  let end = 2;
  if (size < 126) {
    head[1] = 0x80 | size;
  } else if (size < 65536) {
    head[1] = 0xfe;
    end = head.writeUInt16BE(size, 2);
  } else {
    head[1] = 0xff;
    end = head.writeBigUInt64BE(BigInt(size), 2);
  }
  head.set(MASK, end);
  return Buffer.concat([head.subarray(0, end + 4), payload.map((byte, i) => byte ^ MASK[i % 4])]);
}

/** The chunks that hold `frames` frames, as a read cuts them. */
function chunksOf(content, size, frames) {
  const wire = Buffer.concat(Array(frames).fill(frameOf(content, size)));
  const chunks = [];
  for (let at = 0; at < wire.length; at += CHUNK) chunks.push(wire.subarray(at, at + CHUNK));
  return chunks;
}

/** `{ name, frames, pass }`, where a pass is of `frames` frames. */
function* cases({ receiver, sender }) {
  for (const content of ['ascii', 'multibyte', 'binary']) {
    for (const [size, label] of SIZES) {
      const frames = Math.max(1, Math.floor(CHUNK / (size + 14)));
      const chunks = chunksOf(content, size, frames);
      let messages = 0;
      const receive = receiver(() => { messages++; });
      yield {
        name: `receive-${content}-${label}`,
        frames,
        pass() {
          messages = 0;
          // A chunk is new memory at each read; ws unmasks in it.
          for (const chunk of chunks) receive(copyOf(chunk));
          if (messages !== frames) throw new Error(`${messages} messages of ${frames} came`);
        }
      };
    }
  }
  for (const [kind, masks] of [['send-server', false], ['send-client', true]]) {
    for (const [size, label] of SIZES) {
      const payload = payloadOf('binary', size);
      const send = sender(masks);
      yield { name: `${kind}-${label}`, frames: 1, pass() { kept = send(payload); } };
    }
  }
}

/** The last frame, so that no frame is seen to be useless. */
export let kept;

function copyOf(chunk) {
  const copy = Buffer.allocUnsafeSlow(chunk.length);
  chunk.copy(copy);
  return copy;
}

/** Passes for about SPAN, with turns of the event loop; nanoseconds a frame. */
async function measure(pass, frames, size) {
  const aTurn = Math.max(1, Math.min(TURN_MOST, Math.floor(TURN_BYTES / size)));
  const started = process.hrtime.bigint();
  let passes = 0;
  let elapsed;
  do {
    for (let i = 0; i < aTurn; i++) pass();
    passes += aTurn;
    await new Promise(setImmediate);
    elapsed = Number(process.hrtime.bigint() - started);
  } while (elapsed < SPAN * 1e6);
  return elapsed / (passes * frames);
}

const [who] = process.argv.slice(2);
for (const { name, frames, pass } of cases(contenders[who]())) {
  const size = frames * (SIZES.find(([, label]) => name.endsWith(`-${label}`))[0] + 14);
  await measure(pass, frames, size);
  console.log(JSON.stringify({ case: name, who, ns: await measure(pass, frames, size) }));
}
