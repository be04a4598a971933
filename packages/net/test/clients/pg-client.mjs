/**
 * The client of the PostgreSQL test. It runs in its own process, because vitest sets conditions of
 * `exports` under which pg does not load.
 *
 * Usage: node pg-client.mjs FILE.conf PORT
 *
 * @module
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Pool } from 'pg';
import { Network, Socket } from '@litz/net';

const [file, port] = process.argv.slice(2);
const network = await Network.open(file);
const stream = () => new Socket(network);
const pool = new Pool({
  host: '10.0.0.2',
  port: Number(port),
  user: 'postgres',
  max: 4,
  stream,
});

const text = 'select n, repeat($1, 100) as text from generate_series(1, 50000) n';
const { rows } = await pool.query(text, ['x']);
assert.equal(rows.length, 50_000);
assert.deepEqual(rows.at(-1), { n: 50_000, text: 'x'.repeat(100) });

const numbers = Array.from({ length: 50 }, (_, i) => i);
const doubles = await Promise.all(
  numbers.map((i) => pool.query('select $1::int * 2 as twice', [i])),
);
assert.deepEqual(
  doubles.map(({ rows: [row] }) => row.twice),
  numbers.map((i) => i * 2),
);

const client = await pool.connect();
await client.query('listen news');
const heard = once(client, 'notification');
await pool.query("notify news, 'hello'");
assert.equal((await heard)[0].payload, 'hello');
client.release();
await assert.rejects(pool.query('select nonsense'), { code: '42703' });
await pool.end();
await network.close();
process.stdout.write('ok\n');
