/**
 * Sends packets in memory, in a separate process: `memory-child.js WAY PACKETS PROVIDER`.
 *
 * @module
 */
import { sendAnswer } from '../child.ts';
import { EnginePair } from './engine-pair.ts';
import { copying, littering } from './providers.ts';

const [way = '', packets = '', name = ''] = process.argv.slice(2);
const pair = new EnginePair(name === 'littering' ? littering : copying);
pair.run(way === 'batch' ? 'batch' : 'packet', Number(packets));
sendAnswer({ packets: pair.received });
