import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XEN_ELFNOTE_PHYS32_ENTRY } from '../../../src/abi/elfnote.ts';
import { elf, words } from '../../../src/dom0/builder/testing/kernels.ts';
import { StoreClient } from '../../../src/libs/store/store.ts';
import { connectUnixSocket, type UnixSocket } from '../../../src/host/node/unix-socket.ts';
import { runHost } from '../../../src/machine/daemon/daemon.ts';
import {
  CHUNK,
  ERROR,
  EXIT,
  FILE,
  FrameReader,
  frame,
  INPUT,
  json,
  jsonFrame,
  OUTPUT,
  PROTOCOL,
  READ,
  RUN,
  SIGNAL,
} from '../../../src/machine/daemon/frames.ts';

/** What a command has answered. */
export interface Answer {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** A host in this very process, and its folder; commands reach it over its socket as xl's do. */
export class TestHost {
  readonly folder: string;
  readonly #end: Promise<number>;

  private constructor(folder: string, end: Promise<number>) {
    this.folder = folder;
    this.#end = end;
  }

  static async start(memoryMib = 96): Promise<TestHost> {
    const folder = mkdtempSync(join(tmpdir(), 'xenolith-'));
    writeKernels(folder);
    let told: () => void = () => {};
    const ready = new Promise<void>((resolve) => {
      told = resolve;
    });
    const end = runHost({ environment: { XENOLITH_HOME: folder }, memory: `${memoryMib}`, told });
    await Promise.race([ready, end]);
    return new TestHost(folder, end);
  }

  /** Runs a command, split at blanks outside of single quotes. */
  async xl(line: string): Promise<Answer> {
    return await this.command(line).answer;
  }

  command(line: string, options: { readonly interactive?: boolean } = {}): RunningCommand {
    const argv = [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
    return new RunningCommand(this.connect(), argv, this.folder, options.interactive ?? false);
  }

  connect(): Promise<UnixSocket> {
    return connectUnixSocket(join(this.folder, 'xl.socket'));
  }

  /** Everything in the store, a line a node. */
  async store(): Promise<string[]> {
    const client = new StoreClient(await connectUnixSocket(join(this.folder, 'xenstored/socket')));
    const nodes: string[] = [];
    const walk = async (path: string): Promise<void> => {
      for (const name of ((await client.directory(path)) ?? []).toSorted()) {
        const below = path === '/' ? `/${name}` : `${path}/${name}`;
        nodes.push(`${below} = ${await client.read(below)}`);
        await walk(below);
      }
    };
    await walk('/');
    client.close();
    return nodes;
  }

  async stop(): Promise<number> {
    await this.xl('host stop');
    const status = await this.#end;
    rmSync(this.folder, { recursive: true, force: true });
    return status;
  }
}

/** A command that is being carried out. */
export class RunningCommand {
  readonly answer: Promise<Answer>;
  out = '';
  err = '';
  /** What has come out, unless it is text. */
  bytes: number[] = [];
  readonly #socket: Promise<UnixSocket>;
  readonly #waiting = new Set<() => void>();
  /** Whether output is kept as bytes. */
  binary = false;

  constructor(socket: Promise<UnixSocket>, argv: readonly string[], workingDirectory: string, interactive: boolean) {
    this.#socket = socket;
    this.answer = this.#run(argv, workingDirectory, interactive);
  }

  async type(text: string): Promise<void> {
    (await this.#socket).send(frame(INPUT, new TextEncoder().encode(text)));
  }

  async signal(name: string): Promise<void> {
    (await this.#socket).send(jsonFrame(SIGNAL, name));
  }

  /** Leaves what comes unread, or reads on. */
  async hold(held: boolean): Promise<void> {
    (await this.#socket).hold(held);
  }

  /** xl is killed. */
  async die(): Promise<void> {
    (await this.#socket).close();
  }

  /** Resolves once something has come out that is so. */
  async until(so: () => boolean): Promise<void> {
    while (!so()) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  /** Resolves once this has come out. */
  async printed(pattern: RegExp): Promise<void> {
    await this.until(() => pattern.test(this.out + this.err));
  }

  async #run(argv: readonly string[], workingDirectory: string, interactive: boolean): Promise<Answer> {
    const socket = await this.#socket;
    const reader = new FrameReader();
    const decoder = new TextDecoder();
    return await new Promise((resolve) => {
      let status = -1;
      socket.onData((bytes) => {
        const frames = reader.push(bytes);
        if (frames === 'oversized') throw new Error('the host sent a frame that is too long');
        for (const { kind, body } of frames) {
          if (kind === OUTPUT && this.binary) for (const byte of body) this.bytes.push(byte);
          else if (kind === OUTPUT) this.out += decoder.decode(body);
          else if (kind === ERROR) this.err += decoder.decode(body);
          else if (kind === EXIT) status = Number(json(body));
          else if (kind === READ) this.#answerFile(socket);
        }
        for (const wake of this.#waiting) wake();
        this.#waiting.clear();
        if (status >= 0) socket.close();
        if (status >= 0) resolve({ status, out: this.out, err: this.err });
      });
      socket.onClose(() => resolve({ status, out: this.out, err: this.err }));
      socket.send(jsonFrame(RUN, { protocol: PROTOCOL, argv, workingDirectory, environment: {}, interactive }));
    });
  }

  /** What xl would read for the host: here a config file that came through a pipe. */
  #answerFile(socket: UnixSocket): void {
    socket.send(jsonFrame(FILE, {}));
    socket.send(frame(CHUNK, new TextEncoder().encode(IDLE)));
    socket.send(frame(CHUNK, new Uint8Array(0)));
  }
}

/** A guest that does nothing, for as long as it is let. */
export const IDLE = 'name = "idle"\ntype = "pvh"\nkernel = "idle"\nmemory = 4\n';

/** Guests of a few bytes. */
const KERNELS = {
  // sti; hlt; jmp to hlt
  idle: [0xfb, 0xf4, 0xeb, 0xfd],
  // ud2, with no gate to take it: a triple fault
  crash: [0x0f, 0x0b],
  // cli; hlt: all vCPUs down, which is how a machine without ACPI powers off
  poweroff: [0xfa, 0xf4],
  // mov eax, __HYPERVISOR_sched_op; mov ebx, SCHEDOP_shutdown; mov ecx, the address of SHUTDOWN_reboot; vmmcall
  reboot: [...[0xb8, 29, 0, 0, 0, 0xbb, 2, 0, 0, 0, 0xb9, 0x13, 0, 0x10, 0], ...[0x0f, 0x01, 0xd9, 0xf4, 1, 0, 0, 0]],
  // the same with SHUTDOWN_suspend; then dec eax; jnz to jmp $; cli; hlt; jmp $: it powers off if that was cancelled
  suspend: [
    ...[0xb8, 29, 0, 0, 0, 0xbb, 2, 0, 0, 0, 0xb9, 0x19, 0, 0x10, 0],
    ...[0x0f, 0x01, 0xd9, 0x48, 0x75, 2, 0xfa, 0xf4, 0xeb, 0xfe, 2, 0, 0, 0],
  ],
  /*
   * The same with SHUTDOWN_soft_reset; then as a new kernel: mov esi, the console's page; mov eax, out_prod; mov edi, eax;
   * and edi, 2047; mov out[edi], 'R'; inc eax; mov out_prod, eax; EVTCHNOP_send; cli; hlt
   */
  reset: [
    ...[0xb8, 29, 0, 0, 0, 0xbb, 2, 0, 0, 0, 0xb9, 0x4a, 0, 0x10, 0, 0x0f, 0x01, 0xd9, 0xbe, 0x00, 0xf0, 0xff, 0xfe],
    ...[0x8b, 0x86, 0x0c, 0x0c, 0, 0, 0x8b, 0xf8, 0x81, 0xe7, 0xff, 0x07, 0, 0],
    ...[0xc6, 0x84, 0x3e, 0, 0x04, 0, 0, 0x52, 0x40, 0x89, 0x86, 0x0c, 0x0c, 0, 0],
    ...[0xb8, 32, 0, 0, 0, 0xbb, 4, 0, 0, 0, 0xb9, 0x4e, 0, 0x10, 0, 0x0f, 0x01, 0xd9, 0xfa, 0xf4, 0xeb, 0xfe],
    ...[5, 0, 0, 0, 2, 0, 0, 0],
  ],
  // Asks for a soft reset, and as a new kernel for another one.
  resetting: [
    ...[0xb8, 29, 0, 0, 0, 0xbb, 2, 0, 0, 0, 0xb9, 0x15, 0, 0x10, 0, 0x0f, 0x01, 0xd9, 0xeb, 0xec, 0x90, 5, 0, 0, 0],
  ],
  /*
   *        mov esi, the console's page
   * next:  mov eax, out_prod; mov edx, eax; sub edx, out_cons; cmp edx, 2048; jae full
   *        mov edi, eax; and edi, 2047; mov out[edi], al; inc eax; mov out_prod, eax; jmp next
   * full:  mov eax, __HYPERVISOR_event_channel_op; mov ebx, EVTCHNOP_send; mov ecx, the address of the port; vmmcall
   *        jmp next
   */
  flood: [
    ...[0xbe, 0x00, 0xf0, 0xff, 0xfe],
    ...[0x8b, 0x86, 0x0c, 0x0c, 0, 0, 0x8b, 0xd0, 0x2b, 0x96, 0x08, 0x0c, 0, 0, 0x81, 0xfa, 0, 0x08, 0, 0, 0x73, 0x18],
    ...[0x8b, 0xf8, 0x81, 0xe7, 0xff, 0x07, 0, 0, 0x88, 0x84, 0x3e, 0, 0x04, 0, 0, 0x40],
    ...[0x89, 0x86, 0x0c, 0x0c, 0, 0, 0xeb, 0xd2],
    ...[0xb8, 32, 0, 0, 0, 0xbb, 4, 0, 0, 0, 0xb9, 0x47, 0, 0x10, 0, 0x0f, 0x01, 0xd9, 0xeb, 0xbe],
    ...[2, 0, 0, 0],
  ],
} as const;

/** Kernels, and config files for them. */
function writeKernels(folder: string): void {
  for (const name of Object.keys(KERNELS) as (keyof typeof KERNELS)[]) {
    writeKernel(folder, name, name);
    writeFileSync(join(folder, `${name}.cfg`), `name = "${name}"\ntype = "pvh"\nkernel = "${name}"\nmemory = 4\n`);
  }
  writeFileSync(join(folder, 'hello.cfg'), 'name="hello"\ntype="pvh"\nkernel="builtin:hello"\nmemory=16\n');
}

/** Writes one of the kernels to a file. */
export function writeKernel(folder: string, file: string, kernel: keyof typeof KERNELS): void {
  const bytes = Uint8Array.from(KERNELS[kernel]);
  const image = elf({
    segments: [{ paddr: 0x100000, bytes, memorySize: 0x1000 }],
    notes: [{ type: XEN_ELFNOTE_PHYS32_ENTRY, description: words(0x100000) }],
  });
  writeFileSync(join(folder, file), image);
}
