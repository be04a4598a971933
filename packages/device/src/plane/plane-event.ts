/**
 * `PlaneEvent`: what happens in a data plane.
 *
 * @module
 */
import type { EngineEvent } from '@litz/core';
import type { DropEvent } from './drop-report.ts';
import type { OffloadEvent } from './lost-offloads.ts';

/**
 * An event of a data plane: all events of the engine, and the events of drops, the link, the MTU
 * and offloads.
 */
export type PlaneEvent =
  | EngineEvent
  | DropEvent
  | { readonly type: 'up'; readonly listenPort: number }
  | { readonly type: 'down' }
  | { readonly type: 'mtu'; readonly mtu: number }
  | OffloadEvent;
