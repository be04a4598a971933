// Loaded into the new process of an upgrade. Kills a process at a step of the hand-over, which the
// variable KILL names: "old at offer" (the new process has received the offer), "new before ready"
// (the new process is about to send ready), ... With "pause at offer", the new process makes the file
// PAUSED, and hangs until the file is gone. With FAIL, the new process cannot serve the UAPI
// socket. With PASSED, the new process names this value instead of its format of the hand-over.
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { KILL = '', FAIL = '', LITZ_ENTRY = '', PASSED = '', PAUSED = '' } = process.env;
const [who, when, step] = KILL.split(' ');
const require = createRequire(LITZ_ENTRY);
const { UnixChannel } = await import(pathToFileURL(require.resolve('@litz/sys')).href);
if (FAIL) {
  const { UapiServer } = await import(pathToFileURL(require.resolve('@litz/device')).href);
  UapiServer.adopt = () => Promise.reject(new Error(FAIL));
}
const { send, receive } = UnixChannel.prototype;
const kill = (type, moment) => {
  if (type !== step || when !== moment) return;
  if (who === 'pause') pause();
  else process.kill(who === 'old' ? process.ppid : process.pid, 'SIGKILL');
};
function pause() {
  writeFileSync(PAUSED, '');
  const never = new Int32Array(new SharedArrayBuffer(4));
  while (existsSync(PAUSED)) Atomics.wait(never, 0, 0, 5);
}
const typeOf = (bytes) => JSON.parse(new TextDecoder().decode(bytes)).type;
UnixChannel.prototype.send = function (bytes, fds) {
  const type = typeOf(bytes);
  kill(type, 'before');
  const text =
    PASSED && type === 'hello'
      ? new TextDecoder().decode(bytes).replace(/"format":"[^"]*"/, `"format":"${PASSED}"`)
      : undefined;
  send.call(this, text === undefined ? bytes : new TextEncoder().encode(text), fds);
  kill(type, 'after');
};
UnixChannel.prototype.receive = function () {
  const received = receive.call(this);
  if (received && received !== 'closed') kill(typeOf(received.bytes), 'at');
  return received;
};
