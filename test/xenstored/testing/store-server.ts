// A xenstored on a Unix socket with a simulated Xen below it: node store-server.ts SOCKET [DOMID...]

import { Xenstored } from '../../../src/dom0/xenstored/xenstored.ts';
import { SimulatedXen } from '../../../src/dom0/xenstored/testing/simulated-xen.ts';
import { NodeClock } from '../../../src/host/node/clock.ts';
import { listenOnUnixSocket } from '../../../src/host/node/unix-socket-server.ts';

const [path = '', ...domids] = process.argv.slice(2);
const xen = new SimulatedXen();
for (const domid of domids) xen.addGuest(Number(domid));
const xenstored = new Xenstored({
  events: xen,
  grants: xen,
  ctrl: xen,
  clock: new NodeClock(),
  log: (line) => console.error(line),
});
await listenOnUnixSocket({ path, maxConnections: 10_000, onConnection: (socket) => xenstored.accept(socket) });
console.log('ready');
