/**
 * Programs for a thread in a network namespace. A TCP server sends back what it receives. Its
 * client compares what comes back with what it sent.
 *
 * @module
 */

/** `workerData`: `host` and `port` to listen on. Returns true when a connection has closed. */
export const ECHO_SERVER: string = `
  const server = require('node:net').createServer({ allowHalfOpen: true });
  server.listen(workerData);
  await new Promise((resolve) => server.on('connection', (socket) => {
    socket.pipe(socket);
    socket.on('close', resolve);
  }));
  server.close();
  return true;`;

/** `workerData`: `host`, `port`, and `length` in bytes. Returns in words what came back. */
export const ECHO_CLIENT: string = `
  const { randomBytes } = require('node:crypto');
  const { host, port, length } = workerData;
  const sent = randomBytes(length);
  const connect = () => new Promise((resolve, reject) => {
    const socket = require('node:net').connect({ host, port }, () => resolve(socket));
    socket.on('error', reject);
  });
  let socket;
  for (let tries = 0; !socket; tries++) {
    try { socket = await connect(); } catch (error) {
      if (tries === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  socket.end(sent);
  const pieces = [];
  for await (const piece of socket) pieces.push(piece);
  return Buffer.concat(pieces).equals(sent) ? 'the same bytes came back' : 'other bytes came back';`;
