// Loaded with --import before a program whose port is fixed: it gets a free one on loopback, and
// says which. So the program's own text stays as it is, and tests can run side by side.
import net from 'node:net';

const { listen } = net.Server.prototype;

net.Server.prototype.listen = function () {
  return listen.call(this, 0, '127.0.0.1', () => console.log(`Listening on port ${this.address().port}.`));
};
