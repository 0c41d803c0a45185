import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Domid, Port } from '../../../src/abi/xen.ts';
import { GuestRing, STORE_PORT } from '../../../src/dom0/xenstored/testing/guest-ring.ts';
import { SimulatedXen } from '../../../src/dom0/xenstored/testing/simulated-xen.ts';
import { Xenstored } from '../../../src/dom0/xenstored/xenstored.ts';
import { NodeClock } from '../../../src/host/node/clock.ts';
import { listenOnUnixSocket, type UnixSocketServer } from '../../../src/host/node/unix-socket-server.ts';

/** Xen's own test of a xenstored, of Debian's xen-utils. */
export const TEST_XENSTORE = '/usr/lib/xen-4.17/bin/test-xenstore';

/** Debian's as well: the xenstore-control in PATH asks first whether this is a dom0. */
export const XENSTORE_CONTROL = '/usr/lib/xen-4.17/bin/xenstore-control';

/** Why a stock program cannot be run here; undefined where it can. */
export function whyNoStock(...programs: readonly string[]): string | undefined {
  const missing = programs.filter((program) => !existsSync(program.includes('/') ? program : `/usr/bin/${program}`));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

/** A xenstored on a socket of its own, over a simulated Xen. */
export class ServedStore {
  readonly xen: SimulatedXen;
  readonly xenstored: Xenstored;
  readonly folder: string;
  readonly path: string;
  readonly #server: UnixSocketServer;

  private constructor(xen: SimulatedXen, xenstored: Xenstored, folder: string, server: UnixSocketServer) {
    this.xen = xen;
    this.xenstored = xenstored;
    this.folder = folder;
    this.path = server.path;
    this.#server = server;
  }

  static async start(maxConnections = 100): Promise<ServedStore> {
    const xen = new SimulatedXen();
    const xenstored = new Xenstored({ events: xen, grants: xen, ctrl: xen, clock: new NodeClock() });
    const folder = mkdtempSync(join(tmpdir(), 'xenolith-store-'));
    const server = await listenOnUnixSocket({
      path: join(folder, 'socket'),
      maxConnections,
      onConnection: (socket) => xenstored.accept(socket),
    });
    return new ServedStore(xen, xenstored, folder, server);
  }

  /** A domain that was introduced. */
  introduce(domid: number): GuestRing {
    const ring = new GuestRing(this.xen.addGuest(domid), this.xen);
    this.xenstored.introduce(domid as Domid, ring.bytes, STORE_PORT as Port);
    return ring;
  }

  async stop(): Promise<void> {
    await this.#server.close();
    rmSync(this.folder, { recursive: true });
  }

  /** Runs a stock program against it, to its end. */
  async run(program: string, ...parameters: readonly string[]): Promise<Ended> {
    return this.spawn(program, ...parameters).ended;
  }

  /** Starts a stock program against it. */
  spawn(program: string, ...parameters: readonly string[]): Running {
    const { XENSTORED_PATH: _, ...environment } = process.env;
    const child = spawn(program, parameters, {
      env: { ...environment, XENSTORED_RUNDIR: this.folder },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 30_000,
    });
    const running: Running = { output: '', errors: '', kill: () => child.kill(), ended: Promise.resolve(NEVER) };
    child.stdout.on('data', (text) => {
      running.output += text;
    });
    child.stderr.on('data', (text) => {
      running.errors += text;
    });
    running.ended = new Promise((resolve) =>
      child.on('close', (status) => resolve({ status, output: running.output, errors: running.errors })),
    );
    return running;
  }
}

export interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

export interface Running {
  output: string;
  errors: string;
  readonly kill: () => void;
  ended: Promise<Ended>;
}

const NEVER: Ended = { status: null, output: '', errors: '' };
