'use strict';

// What is the reactor's alone: that Node's view of a socket stays true while somebody else reads and
// writes it. Everything else is tested over both transports, by the same tests.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { setImmediate: turn, setTimeout: delay } = require('node:timers/promises');
const { WS } = require('..');
const { until } = require('./support/attached.js');
const { peerOf } = require('./support/frames.js');
const { uncaught } = require('./support/listening.js');
const { adopted, skip } = require('./support/reactor.js');
const { connected } = require('./support/sockets.js');

const peer = peerOf('server');
const MIB = 1 << 20;

/** Messages that are numbers, from 0 on. */
const numbered = (count) => Array.from({ length: count }, (_, at) => peer.text(String(at)));
const upTo = (count) => Array.from({ length: count }, (_, at) => at);

/** `count` connections with the same handlers, and the number of each under its server's socket. */
async function several(t, count, handlers) {
  const pairs = [];
  const numbers = new Map();
  for (let number = 0; number < count; number++) {
    const pair = await adopted(t, handlers);
    numbers.set(pair.server, number);
    pairs.push(pair);
  }
  return { pairs, numbers };
}

describe('the order of what arrives', { skip, timeout: 20_000 }, () => {
  // More messages in a chunk than one native call tells of, so that the rest of its bytes waits as it
  // came; and each chunk ends within a frame.
  const COUNT = 6000;
  const CHUNK = 20_003;
  const bytes = Buffer.concat(numbered(COUNT));

  /** Writes the bytes from `at` on, each chunk as one that is read by itself. */
  async function write(socket, at = 0) {
    for (; at < bytes.length; at += CHUNK) {
      socket.write(bytes.subarray(at, at + CHUNK));
      await turn();
    }
  }

  test('is kept where a handler throws', async (t) => {
    const got = [];
    const { client } = await adopted(t, {
      message(_socket, payload) {
        got.push(Number(payload));
        if (got.length <= 20) throw new Error('at each of the first');
      }
    });
    const errors = await uncaught(20, () => write(client));
    assert.equal(errors.length, 20);
    await until(() => got.length === COUNT);
    assert.deepEqual(got, upTo(COUNT));
  });

  test('is kept where the program resumes a socket that WS.pause has paused', async (t) => {
    const got = [];
    const { server, client } = await adopted(t, {
      message(socket, payload) {
        got.push(Number(payload));
        if (got.length % 1000 !== 1) return;
        WS.pause(socket);
        socket.resume();
      }
    });
    await write(client);
    while (got.length < COUNT) {
      await turn();
      WS.resume(server);
    }
    assert.deepEqual(got, upTo(COUNT));
  });

  test('is kept where chunks wait in the stream as it is attached', async (t) => {
    const { server, client } = await connected(t, 'net');
    const got = [];
    server.pause();
    client.write(bytes.subarray(0, CHUNK));
    server.read(0);
    await until(() => server.readableLength === CHUNK);
    const errors = await uncaught(20, () => {
      WS.attach(server, {
        message(_socket, payload) {
          got.push(Number(payload));
          if (got.length <= 20) throw new Error('at each of the first');
        }
      });
      return write(client, CHUNK);
    });
    assert.equal(errors.length, 20);
    await until(() => got.length === COUNT);
    assert.deepEqual(got, upTo(COUNT));
  });
});

describe('a pause', { skip, timeout: 20_000 }, () => {
  test('in the tick of a resume is a pause', async (t) => {
    const got = [];
    const { server, client } = await adopted(t, { message: () => got.push(1) });
    for (const [resume, pause] of [
      [() => server.resume(), () => server.pause()],
      [() => WS.resume(server), () => WS.pause(server)]
    ]) {
      pause();
      await turn();
      resume();
      pause();
      await turn();
      const { bytesRead } = server;
      client.write(peer.text('a'));
      for (let turns = 0; turns < 20; turns++) await turn();
      assert.equal(server.bytesRead, bytesRead);
      assert.deepEqual(got.splice(0), []);
      resume();
      await until(() => got.length === 1);
      assert.deepEqual(got.splice(0), [1]);
    }
  });

  test('between a resume and its tick is a pause', async (t) => {
    const { server, client } = await adopted(t, {});
    WS.pause(server);
    WS.resume(server);
    // The connection goes on in this tick, the stream in the next one.
    process.nextTick(() => WS.pause(server));
    await turn();
    const { bytesRead } = server;
    client.write(peer.text('a'));
    for (let turns = 0; turns < 20; turns++) await turn();
    assert.equal(server.bytesRead, bytesRead);
  });

  test('leaves the loop idle, whatever waits to be read', async (t) => {
    const { nodeTiming } = performance;
    if (nodeTiming.uvMetricsInfo === undefined) {
      t.skip('this Node does not count its turns');
      return;
    }
    const { server, client } = await adopted(t, {});
    const { bytesRead } = server;
    WS.pause(server);
    for (const act of [() => client.write(peer.text('a')), () => client.end()]) {
      act();
      const turns = [];
      for (let round = 0; round < 21; round++) {
        const before = nodeTiming.uvMetricsInfo.loopCount;
        await delay(1);
        turns.push(nodeTiming.uvMetricsInfo.loopCount - before);
      }
      // A timer takes one or two, and a loop that is kept busy turns a hundred times a millisecond, in each
      // round: V8's collection in steps does so too, but only in some.
      const [median] = turns.sort((a, b) => a - b).slice(10);
      assert.ok(median < 10, `${turns} turns`);
    }
    assert.equal(server.bytesRead, bytesRead);
  });
});

describe('the async context of a handler', { skip, timeout: 20_000 }, () => {
  test('is that of its own socket', async (t) => {
    const storage = new AsyncLocalStorage();
    const got = [];
    const clients = [];
    for (let number = 0; number < 5; number++) {
      const { server, client } = await connected(t, 'net');
      clients.push(client);
      storage.run(number, () => WS.attach(server, {
        async message(_socket, payload) {
          const stores = [storage.getStore()];
          await null;
          stores.push(storage.getStore());
          process.nextTick(() => got.push([Number(payload), ...stores, storage.getStore()]));
        }
      }));
    }
    clients.forEach((client, number) => client.write(peer.text(String(number))));
    await until(() => got.length === clients.length);
    assert.deepEqual(got.sort(), clients.map((_, number) => [number, number, number, number]));
    assert.equal(storage.getStore(), undefined);
  });
});

describe('several sockets in one turn', { skip, timeout: 20_000 }, () => {
  test('a handler that throws takes nothing from the others, nor from its own', async (t) => {
    const got = [];
    const { pairs, numbers } = await several(t, 5, {
      message(socket, payload) {
        got.push(`${numbers.get(socket)}${payload}`);
        if (String(payload) === 'a' && numbers.get(socket) % 2 === 1) throw new Error(`of ${numbers.get(socket)}`);
      }
    });
    const errors = await uncaught(2, () => {
      for (const { client } of pairs) client.write(Buffer.concat([peer.text('a'), peer.text('b')]));
    });
    assert.deepEqual(errors.map(({ message }) => message).sort(), ['of 1', 'of 3']);
    await until(() => got.length === 10);
    assert.deepEqual([...got].sort(), ['0a', '0b', '1a', '1b', '2a', '2b', '3a', '3b', '4a', '4b']);
  });

  test('one that is destroyed by the handler of another is not heard any more', async (t) => {
    const got = [];
    const { pairs, numbers } = await several(t, 4, {
      message(socket) {
        got.push(numbers.get(socket));
        for (const { server } of pairs) if (server !== socket) server.destroy();
      }
    });
    for (const { client } of pairs) client.write(peer.text('a'));
    await until(() => pairs.filter(({ server }) => server.closed).length === 3);
    for (let turns = 0; turns < 10; turns++) await turn();
    assert.equal(got.length, 1);
    assert.equal(pairs.filter(({ server }) => server.destroyed).length, 3);
  });

  test('one that is paused by the handler of another is heard when it is resumed', async (t) => {
    const got = [];
    const { pairs, numbers } = await several(t, 4, {
      message(socket) {
        got.push(numbers.get(socket));
        if (got.length > 1) return;
        for (const { server } of pairs) if (server !== socket) WS.pause(server);
      }
    });
    for (const { client } of pairs) client.write(peer.text('a'));
    await until(() => got.length === 1);
    for (let turns = 0; turns < 10; turns++) await turn();
    assert.equal(got.length, 1);
    for (const { server } of pairs) WS.resume(server);
    await until(() => got.length === 4);
    assert.deepEqual([...got].sort(), [0, 1, 2, 3]);
  });

  test('one may be fed by the handler of another', async (t) => {
    const got = [];
    const { server: other } = await connected(t, 'net');
    const { pairs } = await several(t, 3, {
      message(_socket, payload) {
        WS.receive(other, peer.text(`fed ${payload}`), (text) => got.push(String(text)));
        got.push(String(payload));
      }
    });
    pairs.forEach(({ client }, number) => {
      client.write(Buffer.concat([peer.text(`${number}a`), peer.text(`${number}b`)]));
    });
    await until(() => got.length === 12);
    const expected = ['0a', '0b', '1a', '1b', '2a', '2b'].flatMap((text) => [`fed ${text}`, text]);
    for (const number of [0, 1, 2]) {
      const of = (list) => list.filter((text) => text.includes(number));
      assert.deepEqual(of(got), of(expected));
    }
  });
});

describe('a flood on one connection', { skip, timeout: 30_000 }, () => {
  test('lets others, and timers, have their turn', async (t) => {
    const flooded = await adopted(t, {});
    const other = await adopted(t, { message: (socket, payload) => WS.send(socket, payload) });
    const message = peer.binary(Buffer.alloc(256 * 1024));
    let isOver = false;
    const flood = () => { while (!isOver && flooded.client.write(message)); };
    flooded.client.on('drain', flood);
    flood();

    let most = 0;
    for (let round = 0; round < 50; round++) {
      let isAnswered = false;
      let isDue = false;
      other.client.once('data', () => { isAnswered = true; });
      other.client.write(peer.text('a'));
      setTimeout(() => { isDue = true; }, 1);
      let turns = 0;
      for (let read = flooded.server.bytesRead; !isAnswered; turns++) {
        await turn();
        most = Math.max(most, flooded.server.bytesRead - read);
        read = flooded.server.bytesRead;
      }
      assert.ok(turns <= 10, `an answer took ${turns} turns`);
      while (!isDue) await turn();
    }
    isOver = true;
    assert.ok(flooded.server.bytesRead > MIB, 'there was a flood');
    assert.ok(most <= 2 * MIB, `${most} bytes were read in one turn`);
  });
});

describe('what is more than one turn reads', { skip, timeout: 30_000 }, () => {
  const READ_BUFFER = 128 * 1024;
  const message = peer.binary(Buffer.alloc(1016));

  for (const [what, size] of [['just what fits', READ_BUFFER], ['a byte more', READ_BUFFER + 1], ['8 MiB', 8 * MIB]]) {
    test(`is read to its end, though nothing follows: ${what}`, async (t) => {
      let got = 0;
      const { server, client } = await adopted(t, { message: () => got++ });
      const before = server.bytesRead;
      const count = Math.floor(size / message.length);
      client.write(Buffer.concat([...Array(count).fill(message), peer.pong()], size));
      await until(() => server.bytesRead === before + size);
      assert.equal(got, count);
    });
  }

  test('is read on every one of many', async (t) => {
    const got = new Map();
    const { pairs } = await several(t, 12, {
      message: (socket) => got.set(socket, (got.get(socket) ?? 0) + 1)
    });
    const train = Buffer.concat(Array(2 * MIB / message.length).fill(message));
    for (const { client } of pairs) client.write(train);
    await until(() => pairs.every(({ server }) => got.get(server) === 2 * MIB / message.length));
  });

  test('comes before the end that is behind it', async (t) => {
    const told = [];
    let got = 0;
    const { client } = await adopted(t, { message: () => got++, close: (...[, code]) => told.push(code, got) });
    client.resume();
    client.end(Buffer.concat(Array(1024).fill(message)));
    await until(() => told.length > 0);
    assert.deepEqual(told, [1006, 1024]);
  });
});

/** Ends what one call of the kernel gives: Node cannot send a byte that is urgent. */
const URGENT = "import socket; socket.socket(fileno=3).send(b'!', socket.MSG_OOB)";
const noPython = spawnSync('python3', ['-c', 'from socket import MSG_OOB']).status !== 0;

// The first of them has the turn that was left over, and the kernel tells of the socket once more.
describe('what comes between two reads of one turn', { skip: skip || noPython, timeout: 20_000 }, () => {
  for (const [what, stop] of [
    ['a pause', (socket) => {
      WS.pause(socket);
      setImmediate(WS.resume, socket);
    }],
    ['a throw', () => { throw new Error('at the first'); }]
  ]) {
    test(`waits its turn behind ${what}`, async (t) => {
      const got = [];
      const { server, client } = await adopted(t, {
        message(socket, payload) {
          if (payload.length > 10) return;
          got.push(`${payload}`);
          if (got.length === 1) stop(socket);
        }
      });
      // As much as is read at once; the kernel has to learn first that there is room for it.
      const full = peer.binary(Buffer.alloc(128 * 1024 - 14));
      for (let i = 0; i < 100; i++) client.write(full);
      await until(() => server.bytesRead >= 100 * full.length);
      WS.pause(server);
      client.write(Buffer.concat([full, peer.text('a'), peer.text('b')]));
      const python = spawn('python3', ['-c', URGENT], { stdio: ['ignore', 'ignore', 'inherit', client] });
      assert.deepEqual(await once(python, 'exit'), [0, null]);
      client.write(Buffer.concat([peer.text('c'), peer.text('d')]));
      await until(() => client.writableLength === 0);
      const errors = await uncaught(what === 'a throw' ? 1 : 0, async () => {
        WS.resume(server);
        await until(() => got.length === 4);
      });
      assert.equal(errors.length, what === 'a throw' ? 1 : 0);
      assert.deepEqual(got, ['a', 'b', 'c', 'd']);
    });
  }
});

describe('a message larger than what is read at once', { skip, timeout: 60_000 }, () => {
  const euro = Buffer.from('\u20ac'.repeat(MIB / 2));
  for (const [what, frame, isBinary, payload] of [
    ['1 MiB', peer.binary, true, Buffer.alloc(MIB, '0123456789a')],
    ['64 MiB', peer.binary, true, Buffer.alloc(64 * MIB, '0123456789a')],
    ['text', peer.text, false, euro]
  ]) {
    test(`is received whole: ${what}`, async (t) => {
      const got = [];
      const { client } = await adopted(t, { message: (_socket, ...message) => got.push(message) });
      const bytes = Buffer.concat([frame(payload), peer.text('behind it')]);
      // Odd sizes, so that headers and characters are cut everywhere.
      for (let at = 0, size = 1; at < bytes.length; at += size, size = Math.min(3 * size + 1, 1_000_003)) {
        client.write(bytes.subarray(at, at + size));
        await turn();
      }
      await until(() => got.length === 2);
      assert.ok(got[0][0].equals(payload));
      assert.deepEqual([got[0][1], String(got[1][0])], [isBinary, 'behind it']);
    });
  }

  test('is refused in its middle where a part takes it past the limit', async (t) => {
    const errors = [];
    const { server, client } = await adopted(t, {
      message: () => assert.fail('delivered'),
      error: (_socket, error) => errors.push(error.code)
    }, { maxPayload: 3 * MIB });
    client.resume();
    client.write(peer.binary(Buffer.alloc(2 * MIB), { fin: false }));
    await until(() => WS.info(server).bytesReceived > 2 * MIB);
    client.write(peer.more(Buffer.alloc(2 * MIB)));
    await until(() => server.closed);
    assert.deepEqual(errors, ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH']);
  });

  test('is refused at its first bad byte of UTF-8', async (t) => {
    const errors = [];
    const { server, client } = await adopted(t, {
      message: () => assert.fail('delivered'),
      error: (_socket, error) => errors.push(error.code)
    });
    client.resume();
    const bad = Buffer.from(euro);
    bad[MIB] = 0xff;
    client.write(peer.text(bad).subarray(0, MIB + 100_000));
    await until(() => server.closed);
    assert.deepEqual(errors, ['WS_ERR_INVALID_UTF8']);
  });

  test('goes on where it was when it is paused in its middle', async (t) => {
    const got = [];
    const { server, client } = await adopted(t, { message: (_socket, payload) => got.push(payload) });
    const payload = Buffer.alloc(8 * MIB, '0123456789a');
    client.write(peer.binary(payload));
    for (let bytes = 1; got.length === 0; bytes += MIB) {
      await until(() => got.length > 0 || WS.info(server).bytesReceived > bytes);
      WS.pause(server);
      for (let turns = 0; turns < 5; turns++) await turn();
      WS.resume(server);
    }
    assert.ok(got[0].equals(payload));
  });
});
