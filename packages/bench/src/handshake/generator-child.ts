/**
 * Makes the load of `bench:handshake`, in a separate process:
 * `generator-child.js PORT PEERS INITIATIONS_PER_PEER IN_FLIGHT SECONDS RESPONDER_PID`.
 *
 * @module
 */
import { nobleProvider, publicKeyOf } from '@litz/core';
import { sendAnswer } from '../child.ts';
import { cpuSeconds } from '../peers/daemon-process.ts';
import { InitiationFactory, responderKey } from './initiations.ts';
import { InitiatorSocket } from './initiator-socket.ts';
import { LoadGenerator, type LoadCounts } from './load-generator.ts';

export interface GeneratorReport extends LoadCounts {
  seconds: number;
  /** The CPU time in seconds that the responder used during `seconds`. */
  responderCpuSeconds: number;
}

const [port = 0, peers = 0, perPeer = 0, inFlight = 0, seconds = 0, responderPid = 0] = process.argv
  .slice(2)
  .map(Number);
const responder = {
  publicKey: publicKeyOf(responderKey(), nobleProvider),
  address: '127.0.0.1',
  port,
};
const factory = new InitiationFactory();
const generator = new LoadGenerator(inFlight);
const sockets: InitiatorSocket[] = [];
for (let number = 0; number < peers; number++) {
  const initiator = factory.create(number, perPeer);
  sockets.push(await InitiatorSocket.open(initiator, responder, generator.onAnswer));
}
await generator.warmUp(sockets);
const before = { ...generator.counts, cpu: cpuSeconds(responderPid) };
const elapsedMs = await generator.run(seconds * 1000);
const { counts } = generator;
const report: GeneratorReport = {
  responses: counts.responses - before.responses,
  // Cookies and invalid answers of the warm-up are included: nearly all cookies come in the
  // warm-up, and an invalid answer is a failure at any time.
  cookies: counts.cookies,
  invalid: counts.invalid,
  lost: counts.lost - before.lost,
  seconds: elapsedMs / 1000,
  responderCpuSeconds: cpuSeconds(responderPid) - before.cpu,
};
sendAnswer(report);
for (const socket of sockets) socket.close();
