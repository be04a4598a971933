/**
 * Calls every public function that accesses native memory, a descriptor or the kernel, with wrong
 * arguments. Each entry of the table has calls that must throw before they have an effect, with an
 * error that names the argument. For a function that cannot get a wrong argument, the entry says
 * why.
 *
 * @module
 */
import { join } from 'node:path';
import { Endpoint } from '@litz/core';
import { beforeAll, expect, test } from 'vitest';
import { describeWith, requirement } from '../src/index.ts';

const packages = join(import.meta.dirname, '../..');
const linux = requirement('Linux', () => process.platform === 'linux');

type Module = Record<string, never>;
/** A part of the expected message, and the call. */
type Wrong = [text: string, call: (module: any) => unknown];

const OWN_MEMORY = 'takes no argument, and passes memory of its own';
const PURE = 'passes nothing to native code';
const CHECK = 'is a check, or reads what native code returned';
const RAW =
  'is native code itself: its documentation says that the caller must check every argument';
const OWN_FD = 'passes only a descriptor of its own to native code';
const UDP_SOCKETS = 'passes its arguments to UdpSockets, which checks them';
const THREADS = 'is for ciphers, which check their arguments, in memory of the packet loop';
const CLOSE =
  'takes no argument: a closed object has the descriptor -1, which is passed to no call';

const BYTES = new Uint8Array(64);
const FOUR = new Uint8Array(4);
const PEER = new Endpoint(Uint8Array.of(127, 0, 0, 1), 9);
const DESTINATION = { port: 9, scopeId: 0, sourceInterface: 0 };
const GONE = transferred();
/** Made once by `beforeAll`. */
let made: Record<'netlink' | 'polled' | 'tun' | 'udp' | 'portable' | 'provider' | 'arena', any>;

const netlink = (call: (netlink: any) => unknown) => () => call(made.netlink);
const tun = (call: (tun: any) => unknown) => () => call(made.tun);
const udp = (call: (udp: any) => unknown) => () => call(made.udp);
const portable = (call: (udp: any) => unknown) => () => call(made.portable);
const polled = (call: (polled: any) => unknown) => () => call(made.polled);

const ADDRESS: Wrong[] = [
  ['"address" expected an object', netlink((n) => n.addAddress(1, '10.0.0.1'))],
];

const TABLE: Record<string, Record<string, string | Wrong[]>> = {
  'sys/src/index.ts': {
    linux: PURE,
    readRights: PURE,
    capabilitySet: PURE,
    dropThreadRights: [
      ['"user.uid" expected', (m) => m.dropThreadRights([], { uid: -1, gid: 0, groups: [] })],
      ['"user.gid" expected', (m) => m.dropThreadRights([], { uid: 0, gid: '0', groups: [] })],
      ['"user.groups" expected', (m) => m.dropThreadRights([], { uid: 0, gid: 0, groups: [0.5] })],
    ],
    replaceProcess: [
      ['"program" expected', (m) => m.replaceProcess('', [])],
      ['"args" expected no zero character', (m) => m.replaceProcess('/bin/true', ['a\0b'])],
      ['"descriptors" expected', (m) => m.replaceProcess('/x', [], { descriptors: [-2] })],
    ],
    forbidCoreDumps: OWN_MEMORY,
    setRealtime: [['"isRealtime" expected true or false', (m) => m.setRealtime(1)]],
    allowRealtime: [],
    lockMemory: [['"view" expected a Uint8Array', (m) => m.lockMemory([1])]],
    NotifySocket: 'is made by NotifySocket.of',
    'NotifySocket.of': [
      ['"NOTIFY_SOCKET" expected', (m) => m.NotifySocket.of({ NOTIFY_SOCKET: 'relative' })],
    ],
    'NotifySocket#send': [
      [
        '"message" expected a string',
        (m) => m.NotifySocket.of({ NOTIFY_SOCKET: '@litz-none' }).send(5),
      ],
    ],
    'NotifySocket#close': CLOSE,
    interfaceIndex: 'asks isInterfaceName, which takes no text of another length',
    interfaceName: [['"index" expected', (m) => m.interfaceName(1.5)]],
    check: CHECK,
    checkAddress: CHECK,
    checkBytes: CHECK,
    checkDescriptor: CHECK,
    checkFlag: CHECK,
    checkFunction: CHECK,
    checkInteger: CHECK,
    checkObject: CHECK,
    checkSpan: CHECK,
    checkString: CHECK,
    SystemError: CHECK,
    boottimeMs: OWN_MEMORY,
    peerUserId: [['"fd" expected', (m) => m.peerUserId(1.5)]],
    readRealtime: OWN_MEMORY,
    realtimeMs: OWN_MEMORY,
    koffi: RAW,
    libc: RAW,
    addressOf: [['"view" expected a view of memory', (m) => m.addressOf([1])]],
    allocate: [
      ['"length" expected an integer', (m) => m.allocate(-1)],
      ['"length" expected an integer', (m) => m.allocate(Number.NaN)],
    ],
    EventFd: [['"fd" expected an integer', (m) => new m.EventFd(0.5)]],
    'EventFd.fromFd': [
      ['"fd" expected a number', (m) => m.EventFd.fromFd('3')],
      ['"fd" expected an integer', (m) => m.EventFd.fromFd(-2)],
    ],
    'EventFd#signal': OWN_MEMORY,
    'EventFd#clear': OWN_MEMORY,
    'EventFd#close': CLOSE,
    LinkMonitor: [['"interfaceIndex" expected', (m) => new m.LinkMonitor(-1)]],
    'LinkMonitor#read': OWN_MEMORY,
    'LinkMonitor#close': CLOSE,
    RouteMonitor: OWN_MEMORY,
    'RouteMonitor#clear': OWN_MEMORY,
    'RouteMonitor#close': CLOSE,
    RoutingMonitor: [['"table" expected', (m) => new m.RoutingMonitor(-1)]],
    'RoutingMonitor#read': OWN_MEMORY,
    'RoutingMonitor#close': CLOSE,
    NftMonitor: [
      ['"family" expected', (m) => new m.NftMonitor('inet', 'litz')],
      ['"table" expected a string', (m) => new m.NftMonitor(1)],
    ],
    'NftMonitor#read': OWN_MEMORY,
    'NftMonitor#close': CLOSE,
    onReadable: [
      ['"fd" expected', (m) => m.onReadable('3', () => {})],
      ['"listener" expected a function', (m) => m.onReadable(0)],
    ],
    ReadableSignal: [
      ['"fd" expected', (m) => new m.ReadableSignal('3', () => {})],
      ['"listener" expected a function', (m) => new m.ReadableSignal(0)],
    ],
    'ReadableSignal#mute': 'passes the descriptor that the constructor checked to native code',
    'ReadableSignal#unmute': 'passes the descriptor that the constructor checked to native code',
    'ReadableSignal#stop': 'passes the descriptor that the constructor checked to native code',
    'ReadableSignal#report': PURE,
    exchangeFiles: [
      ['"one" expected a string', (m) => m.exchangeFiles(1, 'b')],
      ['"other" expected no zero character', (m) => m.exchangeFiles('a', 'b\0c')],
    ],
    SharedMemory: 'takes a descriptor that another process passed',
    'SharedMemory.from': OWN_FD,
    'SharedMemory#read': OWN_FD,
    'SharedMemory#wipe': OWN_FD,
    'SharedMemory#close': CLOSE,
    UnixChannel: 'takes a descriptor of its own package',
    'UnixChannel.connect': OWN_FD,
    'UnixChannel#send': OWN_MEMORY,
    'UnixChannel#receive': OWN_MEMORY,
    'UnixChannel#wait': 'passes its argument to PollSet, which checks it',
    'UnixChannel#close': CLOSE,
    UnixListener: OWN_FD,
    'UnixListener#accept': OWN_FD,
    'UnixListener#close': CLOSE,
    FileLock: PURE,
    FileLockedError: PURE,
    'FileLock.take': OWN_FD,
    'FileLock#close': PURE,
    LooseFilters: PURE,
    'LooseFilters#loosened': PURE,
    'LooseFilters#loosenedFor': PURE,
    'LooseFilters#leftOver': PURE,
    'LooseFilters#loosen': PURE,
    'LooseFilters#restore': PURE,
    MovedLink: OWN_MEMORY,
    'MovedLink#look': [
      ['"namespace" expected an object', (m) => new m.MovedLink().look(3, 'wg0')],
      ['"namespace" expected a number', (m) => new m.MovedLink().look({ fd: '3' }, 'wg0')],
    ],
    'MovedLink#clear': OWN_MEMORY,
    'MovedLink#close': CLOSE,
    Netlink: OWN_MEMORY,
    'Netlink#linkByName': [
      ['"name" expected at most', netlink((n) => n.linkByName('a'.repeat(16)))],
      ['"nsid" expected', netlink((n) => n.linkByName('lo', -1))],
    ],
    'Netlink#linkByIndex': [['"index" expected', netlink((n) => n.linkByIndex(2 ** 31))]],
    'Netlink#links': OWN_MEMORY,
    'Netlink#setLink': [
      ['"index" expected', netlink((n) => n.setLink('lo', {}))],
      ['"mtu" expected', netlink((n) => n.setLink(1, { mtu: 0.5 }))],
    ],
    'Netlink#deleteLink': [['"index" expected', netlink((n) => n.deleteLink(-1))]],
    'Netlink#createVeth': [['"peerName" expected', netlink((n) => n.createVeth('a', 'b\0c'))]],
    'Netlink#createLink': [['"kind" expected', netlink((n) => n.createLink('a', ''))]],
    'Netlink#addAddress': ADDRESS,
    'Netlink#replaceAddress': [
      ['"prefixLength" expected', netlink((n) => n.replaceAddress(1, { address: FOUR }))],
    ],
    'Netlink#deleteAddress': [
      ['"address" expected 4 or 16', netlink((n) => n.deleteAddress(1, { address: BYTES }))],
    ],
    'Netlink#addresses': [['"interfaceIndex" expected', netlink((n) => n.addresses('lo'))]],
    'Netlink#addRoute': [['"destination" expected', netlink((n) => n.addRoute({}))]],
    'Netlink#replaceRoute': [['"route" expected', netlink((n) => n.replaceRoute('default'))]],
    'Netlink#deleteRoute': [
      ['"gateway" expected', netlink((n) => n.deleteRoute({ ...DEFAULT, gateway: BYTES }))],
    ],
    'Netlink#routes': [['"table" expected', netlink((n) => n.routes({ table: -1 }))]],
    'Netlink#changeRoutes': [
      ['"action" expected add', netlink((n) => n.changeRoutes([{ route: DEFAULT }]))],
      [
        '"destination" expected',
        netlink((n) => n.changeRoutes([{ action: 'add', route: { destination: '::' } }])),
      ],
    ],
    'Netlink#tableRoutes': [['"table" expected', netlink((n) => n.tableRoutes('main'))]],
    'Netlink#routeTo': [
      ['"address" expected', netlink((n) => n.routeTo('10.0.0.1'))],
      ['"mark" expected', netlink((n) => n.routeTo(FOUR, { mark: -1 }))],
      [
        '"source" expected 4 bytes',
        netlink((n) => n.routeTo(FOUR, { source: new Uint8Array(16) })),
      ],
      ['"sourcePort" expected', netlink((n) => n.routeTo(FOUR, { udp: { sourcePort: 65_536 } }))],
      ['"destinationPort" expected', netlink((n) => n.routeTo(FOUR, { udp: { sourcePort: 1 } }))],
    ],
    'Netlink#namespaceNumber': [['"namespace" expected', netlink((n) => n.namespaceNumber(0.5))]],
    'Netlink#addRule': [['"family" expected', netlink((n) => n.addRule({ table: 1 }))]],
    'Netlink#deleteRule': [['"table" expected', netlink((n) => n.deleteRule({ family: 4 }))]],
    'Netlink#rules': [['"family" expected', netlink((n) => n.rules(5))]],
    'Netlink#close': CLOSE,
    waitUntilRunning: [
      ['"timeoutMs" expected', (m) => m.waitUntilRunning(1, Number.NaN)],
      ['"interfaceIndex" expected', (m) => m.waitUntilRunning(0.5)],
    ],
    hasNamespacePrivilege: OWN_MEMORY,
    networkNamespaceId: OWN_MEMORY,
    NetworkNamespace: 'is made by its own functions only, of descriptors that it opened',
    'NetworkNamespace.create': OWN_MEMORY,
    'NetworkNamespace.current': OWN_MEMORY,
    'NetworkNamespace.open': [
      ['"path" expected a string', (m) => m.NetworkNamespace.open(3)],
      ['"path" expected no zero', (m) => m.NetworkNamespace.open('/proc\0')],
    ],
    'NetworkNamespace#run': [
      ['"run" expected a function', (m) => m.NetworkNamespace.current().run(undefined)],
    ],
    'NetworkNamespace#enter': OWN_MEMORY,
    'NetworkNamespace#close': CLOSE,
    PollSet: OWN_MEMORY,
    'PollSet#add': [
      ['"fd" expected', polled((p) => p.add(0.5, 1))],
      ['"events" expected', polled((p) => p.add(0, 2 ** 16))],
    ],
    'PollSet#setEvents': [
      ['"events" expected', polled((p) => p.setEvents(0, -1))],
      ['"index" expected', polled((p) => p.setEvents(0.5, 1))],
    ],
    'PollSet#setMuted': [['"index" expected', polled((p) => p.setMuted(8, true))]],
    'PollSet#remove': [['"index" expected', polled((p) => p.remove(Number.NaN))]],
    'PollSet#wait': [['"timeoutMs" expected', polled((p) => p.wait(Number.NaN))]],
    'PollSet#ready': [['"index" expected', polled((p) => p.ready(-1))]],
    readSysctl: [
      ['"name" expected a kernel parameter', (m) => m.readSysctl('net/../../etc/passwd')],
    ],
    writeSysctl: [
      ['"name" expected a kernel parameter', (m) => m.writeSysctl('/etc/passwd', 1)],
      ['"value" expected no zero', (m) => m.writeSysctl('net.ipv4.ip_forward', '1\0')],
    ],
  },
  'sys/src/tools/index.ts': {
    bindMount: [['"target" expected', (m) => m.bindMount('/a', 'b\0')]],
    enterPrivateMounts: OWN_MEMORY,
    unmount: [['"target" expected a string', (m) => m.unmount(undefined)]],
    PacketSocket: [
      ['"interfaceIndex" expected', (m) => new m.PacketSocket(-1)],
      ['"receiveBuffer" expected', (m) => new m.PacketSocket(1, { receiveBuffer: -1 })],
    ],
    'PacketSocket#read': [
      ['"buffer" expected a Uint8Array', (m) => m.PacketSocket.prototype.read.call({}, [])],
      ['"buffer" expected at least 1 byte', (m) => m.PacketSocket.prototype.read.call({}, GONE)],
    ],
    'PacketSocket#close': CLOSE,
    ping: [
      ['"address" expected', (m) => m.ping('127.0.0.1')],
      ['"size" expected', (m) => m.ping(FOUR, { size: 70_000 })],
    ],
    RawSocket: [
      ['"family" expected', (m) => new m.RawSocket(5, [])],
      ['"accept" expected', (m) => new m.RawSocket(4, [-1])],
      ['"source" expected 4 bytes', (m) => new m.RawSocket(4, [], { source: new Uint8Array(16) })],
      ['"source" expected', (m) => new m.RawSocket(4, [], { source: '10.0.0.1' })],
    ],
    'RawSocket#send': [
      ['"message" expected', (m) => m.RawSocket.prototype.send.call({ family: 4 }, [], FOUR)],
      [
        '"message" expected at most',
        (m) => m.RawSocket.prototype.send.call({ family: 4 }, new Uint8Array(70_000), FOUR),
      ],
      [
        '"destination" expected 4 bytes',
        (m) => m.RawSocket.prototype.send.call({ family: 4 }, BYTES, new Uint8Array(16)),
      ],
    ],
    'RawSocket#receive': OWN_MEMORY,
    'RawSocket#close': CLOSE,
  },
  'tun/src/index.ts': {
    VNET_HEADER_LENGTH: PURE,
    openTun: [
      ['"name" expected', (m) => m.openTun({ name: 'a/b' })],
      ['"mtu" expected', (m) => m.openTun({ name: 'a', mtu: 67 })],
      ['"offload.tcp" expected', (m) => m.openTun({ name: 'a', offload: { tcp: 1 } })],
    ],
    openTunPair: [['"tcp" expected', (m) => m.openTunPair({ tcp: 1 })]],
    TunDevice: [['"fd" expected', (m) => new m.TunDevice('5', {}, {}, {})]],
    'TunDevice#read': [
      ['"buffer" expected', tun((t) => t.read(new DataView(BYTES.buffer), 0, 1))],
      ['"offset" expected', tun((t) => t.read(BYTES, -1, 1))],
      ['"length" expected', tun((t) => t.read(BYTES, 0, 60_000))],
      ['"length" expected', tun((t) => t.read(GONE, 0, 1))],
    ],
    'TunDevice#write': [
      ['"offset" expected', tun((t) => t.write(BYTES, Number.NaN, 1))],
      ['"length" expected', tun((t) => t.write(BYTES, 1, 64))],
    ],
    'TunDevice#writePieces': [
      ['"count" expected', tun((t) => t.writePieces(BYTES, U32, U32, 3))],
      ['"offset" expected', tun((t) => t.writePieces(BYTES, Uint32Array.of(2 ** 32 - 64), U32, 1))],
    ],
    'TunDevice#isGone': OWN_MEMORY,
    'TunDevice#up': OWN_MEMORY,
    'TunDevice#down': OWN_MEMORY,
    'TunDevice#forgetPersistence': OWN_MEMORY,
    adoptTun: 'takes a descriptor that another process passed, and asks the kernel what it is',
    'TunDevice#setMtu': [['"mtu" expected', tun((t) => t.setMtu(65_536))]],
    'TunDevice#addresses': OWN_MEMORY,
    'TunDevice#addAddress': [['"address" expected', tun((t) => t.addAddress('10.0.0.1/24'))]],
    'TunDevice#deleteAddress': [['"address" expected', tun((t) => t.deleteAddress({}))]],
    'TunDevice#addRoute': [['"destination" expected', tun((t) => t.addRoute({}))]],
    'TunDevice#deleteRoute': [['"destination" expected', tun((t) => t.deleteRoute({}))]],
    'TunDevice#close': CLOSE,
    TunMonitor: [
      ['"tun" expected', (m) => new m.TunMonitor(undefined)],
      ['"tun.fd" expected', (m) => new m.TunMonitor({ fd: 'x', interfaceIndex: 1 })],
    ],
    'TunMonitor#read': OWN_MEMORY,
    'TunMonitor#close': CLOSE,
    TunStream: [['"name" expected', (m) => new m.TunStream({ name: 'a'.repeat(16) })]],
    'TunStream#release': CLOSE,
    'TunStream#ref': PURE,
    'TunStream#unref': PURE,
    'TunStream#_read': 'reads into a buffer of its own, by TunDevice.read',
    'TunStream#_write': 'copies into a buffer of its own what fits, for TunDevice.write',
    'TunStream#_writev': 'copies into a buffer of its own what fits, for TunDevice.write',
    'TunStream#_destroy': CLOSE,
  },
  'udp/src/index.ts': {
    SLOT_LENGTH: PURE,
    UdpCounters: PURE,
    defaultSlots: PURE,
    sourceWorks: 'asks Netlink.routeTo, which checks',
    SuspectSources: 'asks Netlink.routeTo, which checks',
    'SuspectSources#add': PURE,
    'SuspectSources#check': 'asks Netlink.routeTo, which checks',
    'SuspectSources#endTurn': PURE,
    'SuspectSources#clear': PURE,
    openUdp: [
      ['"port" expected', (m) => m.openUdp({ port: -1 })],
      [
        '"memory.offset" expected',
        (m) => m.openUdp({ port: 0, slots: 1, memory: { buffer: BYTES, offset: -64 } }),
      ],
      [
        '"memory" expected 65536 bytes',
        (m) => m.openUdp({ port: 0, slots: 1, memory: { buffer: BYTES, offset: 0 } }),
      ],
    ],
    // `interfaceIndex` calls `@litz/sys`, or Node.js if `@litz/sys` cannot answer.
    interfaceIndex: PURE,
    openPortableUdp: [['"port" expected', (m) => m.openPortableUdp({ port: 0.5 })]],
    adoptUdp: 'takes descriptors that another process passed',
    'UdpSockets#restoreOverflows': PURE,
    UdpSockets: 'is made by openUdp: its parts are of classes that are not exported',
    'UdpSockets#receive': [
      ['"sink" expected', udp((u) => u.receive(undefined))],
      ['"only" expected', udp((u) => u.receive(() => {}, 3))],
    ],
    'UdpSockets#receiveHalf': [['"half" expected', udp((u) => u.receiveHalf(2, () => {}))]],
    'UdpSockets#send': [
      ['"buffer" expected 2000 bytes', udp((u) => u.send(BYTES, 0, 2000, PEER, 0))],
      ['"offset" expected', udp((u) => u.send(BYTES, -1, 1, PEER, 0))],
      ['"destination" expected', udp((u) => u.send(BYTES, 0, 1, undefined, 0))],
      ['"tos" expected', udp((u) => u.send(BYTES, 0, 1, PEER, 256))],
      ['"buffer" expected 1 bytes', udp((u) => u.send(GONE, 0, 1, PEER, 0))],
    ],
    'UdpSockets#sendRun': [
      [
        '"buffer" expected',
        udp((u) =>
          u.sendRun({
            buffer: BYTES,
            offset: 0,
            length: 32,
            lastLength: 32,
            stride: 33,
            count: 2,
            destination: PEER,
            tos: 0,
          }),
        ),
      ],
      [
        '"stride" expected',
        udp((u) =>
          u.sendRun({
            buffer: BYTES,
            offset: 32,
            length: 1,
            lastLength: 1,
            stride: -32,
            count: 2,
            destination: PEER,
            tos: 0,
          }),
        ),
      ],
      [
        '"count" expected',
        udp((u) =>
          u.sendRun({
            buffer: BYTES,
            offset: 0,
            length: 1,
            lastLength: 1,
            stride: 1,
            count: 0,
            destination: PEER,
            tos: 0,
          }),
        ),
      ],
      [
        '"destination.address" expected',
        udp((u) =>
          u.sendRun({
            buffer: BYTES,
            offset: 0,
            length: 1,
            lastLength: 1,
            stride: 1,
            count: 1,
            destination: { ...DESTINATION, address: BYTES },
            tos: 0,
          }),
        ),
      ],
    ],
    'UdpSockets#flush': 'takes nothing: looks again at what was borrowed by send',
    'UdpSockets#updateFloodFilter': [['"now" expected', udp((u) => u.updateFloodFilter(NaN))]],
    'UdpSockets#setMark': [['"mark" expected', udp((u) => u.setMark(-1))]],
    'UdpSockets#close': CLOSE,
    openEventLoopUdp: [
      ['"onReadable" expected', (m) => m.openEventLoopUdp({ port: 0 })],
      ['"port" expected', (m) => m.openEventLoopUdp({ port: -1, onReadable: () => {} })],
    ],
    EventLoopUdp: 'is made by openEventLoopUdp of the sockets of openUdp',
    'EventLoopUdp#receive': UDP_SOCKETS,
    'EventLoopUdp#send': UDP_SOCKETS,
    'EventLoopUdp#sendRun': UDP_SOCKETS,
    'EventLoopUdp#flush': UDP_SOCKETS,
    'EventLoopUdp#updateFloodFilter': UDP_SOCKETS,
    'EventLoopUdp#setMark': UDP_SOCKETS,
    'EventLoopUdp#close': CLOSE,
    PortableUdp: PURE,
    'PortableUdp#receive': [['"sink" expected', portable((u) => u.receive(5))]],
    'PortableUdp#send': [['"buffer" expected', portable((u) => u.send(BYTES, 0, 2000, PEER, 0))]],
    'PortableUdp#sendRun': [
      [
        '"lastLength" expected',
        portable((u) =>
          u.sendRun({
            buffer: BYTES,
            offset: 0,
            length: 1,
            lastLength: 2,
            stride: 1,
            count: 1,
            destination: PEER,
            tos: 0,
          }),
        ),
      ],
    ],
    'PortableUdp#flush': PURE,
    'PortableUdp#setMark': PURE,
    'PortableUdp#unref': PURE,
    'PortableUdp#close': PURE,
  },
  'openssl/src/index.ts': {
    createOpensslProvider: wrongCalls(() => made.provider),
    CipherThreads: THREADS,
    ...Object.fromEntries(
      (
        'accepts beginOpening close end endOpening finish finishOpening hasFinished open publish ' +
        'publishLast publishOpening start takeOpened useParts'
      )
        .split(' ')
        .map((name) => [`CipherThreads#${name}`, THREADS]),
    ),
    runCipherThread: THREADS,
  },
  'wasm/src/index.ts': {
    createWasmByteOperations: [
      ['"buffer" expected a view', (m) => m.createWasmByteOperations(made.arena, BYTES)],
      [
        '"to", "from" and "length" expected',
        (m) => m.createWasmByteOperations(made.arena).copyAndSum(-1, 0, 5),
      ],
    ],
    WasmArena: PURE,
    'WasmArena.create': [['"length" expected', (m) => m.WasmArena.create({ length: -1 })]],
    'WasmArena.createSync': [['"length" expected', (m) => m.WasmArena.createSync({ length: NaN })]],
    'WasmArena#allocate': [['"length" expected', () => made.arena.allocate(2 ** 40)]],
    'WasmArena#owns': PURE,
    wasmProvider: wrongCalls((m) => m.wasmProvider(made.arena)),
  },
};

const DEFAULT = { destination: FOUR, prefixLength: 0 };
const U32 = new Uint32Array(2);

describeWith([linux], 'native access', () => {
  beforeAll(async () => {
    const [sys, tuns, udps, openssl, wasm] = await Promise.all(
      ['sys', 'tun', 'udp', 'openssl', 'wasm'].map((name) => load(`${name}/src/index.ts`)),
    );
    const set = new (sys as any).PollSet();
    set.add(0, 0);
    made = {
      netlink: new (sys as any).Netlink(),
      polled: set,
      tun: (tuns as any).openTunPair({ tcp: false, udp: false })[0],
      udp: (udps as any).openUdp({ port: 0, loopbackOnly: true }),
      portable: await (udps as any).openPortableUdp({ port: 0, host: '127.0.0.1' }),
      provider: (openssl as any).createOpensslProvider(),
      arena: (wasm as any).WasmArena.createSync({ length: 65_536 }),
    };
    return () => {
      for (const name of ['netlink', 'tun', 'udp', 'portable'] as const) made[name].close();
    };
  });

  for (const [file, entries] of Object.entries(TABLE)) {
    test(`has each function of ${file} in the table`, async () => {
      expect(Object.keys(entries).toSorted()).toEqual(functionsOf(await load(file)).toSorted());
    });

    for (const [name, calls] of Object.entries(entries)) {
      if (typeof calls === 'string') continue;
      test(`in ${file}, checks the arguments of ${name}`, async () => {
        const module = await load(file);
        for (const [text, call] of calls) {
          const error = await failureOf(() => call(module));
          expect(error).toMatchObject({ message: expect.stringContaining(text) as string });
          expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
        }
      });
    }
  }
});

/** Returns calls of a provider and its ciphers with wrong arguments. */
function wrongCalls(create: (module: any) => any): Wrong[] {
  const key = new Uint8Array(32);
  const text = { length: 1e9 } as unknown as Uint8Array;
  const cipher = (m: any): any => create(m).createCipher(key);
  return [
    ['"privateKey" expected', (m) => create(m).dh(BYTES, key)],
    ['"publicKey" expected', (m) => create(m).dh(key, 'k'.repeat(32))],
    ['"privateKey" expected', (m) => create(m).dhPublicKey([])],
    ['"a" expected a Uint8Array', (m) => create(m).hash(key, text)],
    ['"key" expected', (m) => create(m).mac(key, BYTES, BYTES)],
    ['"input" expected a Uint8Array', (m) => create(m).mac(key, key, text)],
    ['"b" expected a Uint8Array', (m) => create(m).hmac(key, key, key, text)],
    ['"plain" expected a Uint8Array', (m) => create(m).aeadSeal(key, 0, text, key)],
    ['"auth" expected a Uint8Array', (m) => create(m).aeadOpen(key, 0, BYTES, { length: -5 })],
    ['"nonce" expected', (m) => create(m).xaeadSeal(key, new Uint8Array(23), BYTES, key)],
    ['"sealed" expected a Uint8Array', (m) => create(m).xaeadOpen(key, key, 'sealed', key)],
    ['"key" expected', (m) => create(m).createCipher(BYTES)],
    ['"offset" and "length" expected', (m) => cipher(m).seal(0, BYTES, 0, 49)],
    ['"offset" and "length" expected', (m) => cipher(m).seal(0, BYTES, -64, 16)],
    ['"offset" and "length" expected', (m) => cipher(m).open(0, BYTES, Number.NaN, 1)],
    ['"offset" and "length" expected', (m) => cipher(m).open(0, GONE, 0, 0)],
  ];
}

/**
 * Returns the names of the exports, and of the functions of exported classes: `Class.static`,
 * `Class#method`.
 */
function functionsOf(module: Module): string[] {
  return Object.entries(module as Record<string, unknown>).flatMap(([name, value]) => {
    if (typeof value !== 'function' || !/^class\b/.test(Function.prototype.toString.call(value))) {
      return [name];
    }
    const statics = methods(value).filter((key) => !['length', 'name', 'prototype'].includes(key));
    const own = methods(value.prototype as object).filter((key) => key !== 'constructor');
    return [name, ...statics.map((key) => `${name}.${key}`), ...own.map((key) => `${name}#${key}`)];
  });
}

function methods(object: object): string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(object))
    .filter(([, { value }]) => typeof value === 'function')
    .map(([key]) => key);
}

async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

function load(file: string): Promise<Module> {
  return import(join(packages, file)) as Promise<Module>;
}

function transferred(): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(64));
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}
