/**
 * A real etcd, from the tests of the package mesh. The files of those tests are not a part of this
 * package. So they are imported when a test runs, and their types are repeated here.
 *
 * @module
 */
import { join } from 'node:path';
import type { Requirement } from '@litz/testkit';

/** The folder of the mesh's tests with etcd. */
export const ETCD_TESTS: string = join(import.meta.dirname, '../../../../mesh/test/registry/etcd');

/** A real etcd. */
export interface Etcd {
  readonly port: number;
  /**
   * A second port, for the administrator. This port also works while the relays of a test are
   * blocked, because relays lead only to `port`.
   */
  readonly administrationPort: number;
  /** Kills the server, and starts it again without its data. */
  replace(): Promise<void>;
  startServer(): Promise<void>;
  killServer(): Promise<void>;
  close(): Promise<void>;
}

/** Reads and changes the keys of etcd, as an administrator does. */
export interface Administrator {
  /** `version` is the number of writes since the key was created. */
  read(key: string): Promise<{ readonly value: string; readonly version: string } | undefined>;
  put(key: string, value: string): Promise<void>;
  putAll(entries: readonly (readonly [key: string, value: string | Buffer])[]): Promise<void>;
  delete(key: string): Promise<void>;
  deletePrefix(prefix: string): Promise<void>;
  deleteAll(): Promise<void>;
}

export const { etcdProgram, RealEtcd } = (await import(
  join(ETCD_TESTS, 'real-etcd.ts')
)) as EtcdModule;
export const { EtcdAdministrator } = (await import(
  join(ETCD_TESTS, 'etcd-administrator.ts')
)) as AdministratorModule;

interface EtcdModule {
  readonly etcdProgram: Requirement;
  readonly RealEtcd: { start(): Promise<Etcd> };
}

interface AdministratorModule {
  readonly EtcdAdministrator: new (port: number) => Administrator;
}
