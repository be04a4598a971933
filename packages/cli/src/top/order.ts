/**
 * `Order`: what the table of `litz top` can be sorted by. It has a file of its own, because the
 * command line needs no other part of the table.
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

/** The orders, with their names for the user. */
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
