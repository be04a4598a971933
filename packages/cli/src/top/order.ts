/**
 * `Order`: what the table of `litz top` can be sorted by. The command line needs nothing else of
 * it.
 *
 * @module
 */

/** What a table can be sorted by. */
export type Order =
  | 'received'
  | 'sent'
  | 'packets'
  | 'drops'
  | 'handshake'
  | 'roundtrip'
  | 'state'
  | 'name';

/** The orders, and what the user reads about them. */
export const ORDERS: readonly (readonly [order: Order, name: string])[] = [
  ['received', 'received'],
  ['sent', 'sent'],
  ['packets', 'packets'],
  ['drops', 'drops'],
  ['handshake', 'handshake'],
  ['roundtrip', 'round trip'],
  ['state', 'state'],
  ['name', 'peer'],
];
