import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';

/**
 * Unlocks the terminal on descriptor 3, takes its line discipline away and prints its number: these are ioctls, which
 * Node has none of (tty_ioctl(4); TIOCSPTLCK, TIOCGPTN, TCGETS, TCSETS; the masks are those of cfmakeraw(3)).
 */
const UNLOCK = `open(my $m, '+<&=', 3) or exit 1;
my ($zero, $number, $modes) = (pack('i', 0), pack('i', 0), chr(0) x 60);
ioctl($m, 0x40045431, $zero) or exit 1;
ioctl($m, 0x80045430, $number) or exit 1;
ioctl($m, 0x5401, $modes) or exit 1;
my ($i, $o, $c, $l, @rest) = unpack('L4 C*', $modes);
$modes = pack('L4 C*', $i & ~0x5eb, $o & ~0x1, $c & ~0x130 | 0x30, $l & ~0x804b, @rest);
ioctl($m, 0x5402, $modes) or exit 1;
print unpack('i', $number);`;

/** How long what nobody reads waits before it is tried again: longer each time. */
const RETRY_MS = { first: 20, most: 2000 };

/** A terminal that this process is the far end of: others open `path`, without line discipline, as often as they like. */
export class Pty {
  readonly path: string;
  readonly #master: number;
  readonly #line: number;
  readonly #typing: ReadStream;
  readonly #mostUnread: number;
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #retry: NodeJS.Timeout | undefined;
  #retryMs = RETRY_MS.first;
  #closed = false;

  private constructor(master: number, path: string, mostUnread: number) {
    this.path = path;
    this.#master = master;
    this.#mostUnread = mostUnread;
    // As long as somebody has it open, it does not hang up when a reader leaves.
    this.#line = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
    this.#typing = new ReadStream(master);
    this.#typing.on('error', () => {});
    this.#typing.pause();
  }

  /**
   * Makes a terminal. Of what nobody reads the last `mostUnread` bytes are kept, beside what the kernel takes.
   *
   * @returns undefined where there is none to be had: no /dev/ptmx, or no perl, which does what Node cannot
   */
  static async open(mostUnread: number): Promise<Pty | undefined> {
    let master: number | undefined;
    try {
      master = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
      const number = await unlock(master);
      if (number !== undefined) return new Pty(master, `/dev/pts/${number}`, mostUnread);
    } catch {
      // There are no terminals here, or too many.
    }
    if (master !== undefined) closeSync(master);
    return undefined;
  }

  /** Hands over what is typed; one listener. */
  onTyped(listener: (bytes: Uint8Array) => void): void {
    this.#typing.removeAllListeners('data');
    this.#typing.on('data', (bytes: Buffer) => {
      listener(bytes);
      // Whoever types is likely to read.
      this.#retryMs = RETRY_MS.first;
      this.#write();
    });
  }

  /** While held, what is typed stays in the kernel, until those who type wait. */
  hold(held: boolean): void {
    if (held) this.#typing.pause();
    else this.#typing.resume();
  }

  /** Puts it out, now or once somebody reads; the oldest is lost first. */
  write(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#unread.push(bytes.slice());
    this.#unreadBytes += bytes.length;
    if (this.#retry === undefined) this.#write();
    while (this.#unreadBytes > this.#mostUnread) {
      const first = this.#unread[0] ?? bytes;
      const excess = Math.min(first.length, this.#unreadBytes - this.#mostUnread);
      this.#took(excess);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#typing.destroy();
    closeSync(this.#line);
  }

  #write(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    while (!this.#closed) {
      const first = this.#unread[0];
      if (first === undefined) return;
      const taken = this.#offer(first);
      if (taken === 0) break;
      this.#took(taken);
      this.#retryMs = RETRY_MS.first;
    }
    if (this.#closed) return;
    this.#retry = setTimeout(() => this.#write(), this.#retryMs);
    // Nothing is kept going by a terminal that nobody reads.
    this.#retry.unref();
    this.#retryMs = Math.min(RETRY_MS.most, this.#retryMs * 2);
  }

  /** How much the kernel has room for. */
  #offer(bytes: Uint8Array): number {
    try {
      return writeSync(this.#master, bytes);
    } catch {
      return 0;
    }
  }

  #took(count: number): void {
    const first = this.#unread[0];
    if (first === undefined) return;
    this.#unreadBytes -= count;
    if (count === first.length) this.#unread.shift();
    else this.#unread[0] = first.subarray(count);
  }
}

/** The number of the terminal, once it may be opened. */
function unlock(master: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('perl', ['-e', UNLOCK], { stdio: ['ignore', 'pipe', 'ignore', master] });
    let number = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      number += bytes.toString('latin1');
    });
    child.on('error', () => resolve(undefined));
    child.on('close', (status) => resolve(status === 0 && /^\d+$/.test(number) ? number : undefined));
  });
}
