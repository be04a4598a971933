/**
 * The client's node: a device, and the `fetch` of Node.js. The parent process sends the options of
 * the device.
 *
 * @module
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Device, type DeviceOptions } from '@litz/device';

const [options] = (await once(process, 'message')) as [DeviceOptions];
const device = await Device.create(options);

const body = randomBytes(4 * 1024 * 1024);
const response = await fetch('http://10.88.0.2:8080/', { method: 'POST', body });
const answer = Buffer.from(await response.arrayBuffer());
console.log(`${response.status}, asked by ${response.headers.get('x-client')}`);
console.log(`${answer.length} bytes came back, ${answer.equals(body) ? 'the same' : 'different'}`);

const { sentBytes = 0, receivedBytes = 0 } = (await device.peers())[0] ?? {};
const isAll = sentBytes > body.length && receivedBytes > body.length;
console.log(isAll ? 'all of it through the tunnel' : 'not through the tunnel');
await device.close();
process.disconnect();
