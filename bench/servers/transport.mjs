// Whether this project's connections go the way that a row of the results says.

import { job } from './control.mjs';

/** Opens a connection of its own, and rejects unless its end has `job.transport`, if there is one. */
export async function checkTransport(WS) {
  if (!job.transport) return;
  const server = WS.listen({ port: 0, host: '127.0.0.1' }, { error() {} });
  await new Promise((resolve) => { server.on('listening', resolve); });
  try {
    const socket = await new Promise((resolve, reject) => {
      WS.connect(`ws://127.0.0.1:${server.address().port}/`, {
        open: resolve,
        error: (_socket, error) => reject(error)
      });
    });
    const { transport } = WS.info(socket);
    if (transport !== job.transport) {
      throw new Error(`there is no ${job.transport} here: connections are over ${transport ?? 'streams'}`);
    }
  } finally {
    await WS.shutdown(server);
  }
}
