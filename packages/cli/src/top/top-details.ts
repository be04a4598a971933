/**
 * `detailLines`: what `litz top` shows about the selected peer.
 *
 * @module
 */
import type { DropReason } from '@litz/core';
import { dropText } from '../device-log.ts';
import type { LiveHistory } from '../live/live-history.ts';
import type { LivePeer } from '../live/live-status.ts';
import type { Line } from './line.ts';
import { ageText, roundTripText, shortNumber, sizeText, sparkline } from './words.ts';

/** Returns the lines, the most important first. */
export function detailLines(
  peer: LivePeer,
  history: LiveHistory,
  screen: { readonly time: number; readonly width: number; readonly isUnicode: boolean },
): Line[] {
  const { rates, drops = {} } = peer;
  const handshake =
    peer.lastHandshakeAt === undefined
      ? 'never'
      : `${ageText(screen.time - peer.lastHandshakeAt)} ago, round trip ${roundTripText(peer.roundTripMs)}`;
  const fields: readonly (readonly [name: string, text: string])[] = [
    ['peer', `${peer.publicKey} on ${peer.interface}`],
    ['state', peer.problem === undefined ? peer.state : `${peer.state}: ${peer.problem}`],
    ['endpoint', peer.endpoint ?? 'none'],
    ...(peer.endpointName === undefined ? [] : [['host name', peer.endpointName] as const]),
    ['allowed ips', peer.allowedIps.join(', ') || 'none'],
    ['handshake', handshake],
    ['received', traffic(peer.receivedBytes, rates.receivedBytes, peer.receivedMessages)],
    ['sent', traffic(peer.sentBytes, rates.sentBytes, peer.sentMessages)],
    ...graphField(history.throughputOf(peer.id), screen),
    ...Object.entries(drops).map(
      ([reason, count]) =>
        ['dropped', `${count} ${reason}: ${dropText(reason as DropReason)}`] as const,
    ),
  ];
  return fields.map(([name, text], index) => [
    ['soft', name.padEnd(LABEL)],
    [index === 1 && peer.state === 'failing' ? 'bad' : 'plain', text],
  ]);
}

function traffic(bytes: number, rate: number, messages: number | undefined): string {
  const text = `${sizeText(bytes)}, ${shortNumber(rate * 8)}b/s`;
  return messages === undefined ? text : `${text}, ${shortNumber(messages)} packets`;
}

function graphField(
  values: readonly number[],
  { width, isUnicode }: { readonly width: number; readonly isUnicode: boolean },
): [name: string, text: string][] {
  if (values.length < 2) return [];
  const graph = sparkline(values, width - LABEL - GRAPH_END, isUnicode ? BARS : ASCII_BARS);
  const most = shortNumber(Math.max(...values) * 8);
  return [['throughput', `${graph} most ${most}b/s`]];
}

const LABEL = 12;
/** Space for the text behind the bars. */
const GRAPH_END = 16;
const BARS = '▁▂▃▄▅▆▇█';
const ASCII_BARS = '_.:-=+*#';
