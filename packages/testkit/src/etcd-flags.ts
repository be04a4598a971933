/**
 * `etcdFlags`: the command line of an etcd for tests and benches.
 *
 * @module
 */
export interface EtcdFlagsOptions {
  /** Where etcd stores its data. */
  readonly dataFolder: string;
  /** The URL for clients: `http://127.0.0.1:2379`. */
  readonly client: string;
  /** More URLs for clients, which are not advertised. */
  readonly moreClients?: readonly string[];
  /** The URL for other members. */
  readonly peer: string;
  /** The name of the member, and all members as `NAME=URL,...`. Default: a single member. */
  readonly member?: { readonly name: string; readonly members: string };
}

/** Returns the flags. Nothing is synced to the disk, because the data need not survive a crash. */
export function etcdFlags(options: EtcdFlagsOptions): string[] {
  const { dataFolder, client, moreClients = [], peer } = options;
  const { name, members } = options.member ?? { name: 'default', members: `default=${peer}` };
  return [
    `--data-dir=${dataFolder}`,
    `--listen-client-urls=${[client, ...moreClients].join(',')}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--name=${name}`,
    `--initial-cluster=${members}`,
    '--unsafe-no-fsync=true',
  ];
}
