/**
 * What xl and a host say to each other: frames of a length (4 bytes, little-endian, of what follows), a kind (one
 * byte), and a body: bytes, or JSON in UTF-8.
 */

/** Counts up when old and new sides would misunderstand each other. */
export const PROTOCOL = 1;

/** Kinds that xl sends. */
export const RUN = 0x52; // 'R': a command, JSON of RunRequest; the first frame, and the only one of its kind
export const INPUT = 0x49; // 'I': bytes of its standard input; none at all is the end of it
export const SIGNAL = 0x53; // 'S': JSON of a signal that it got
export const FILE = 0x46; // 'F': JSON of FileAnswer, before the file's bytes as CHUNKs
export const CHUNK = 0x43; // 'C': bytes of the file; none at all is the end of it

/** Kinds that the host sends. */
export const OUTPUT = 0x4f; // 'O': bytes for standard output
export const ERROR = 0x45; // 'E': bytes for standard error
export const TERMINAL = 0x54; // 'T': JSON of TerminalOrder
export const READ = 0x51; // 'Q': the path of a file that only xl can read
export const EXIT = 0x58; // 'X': JSON of the exit status; the last frame

/** A frame that is longer is not ours: whoever sends it is disconnected. */
export const FRAME_BYTES = 1 << 20;
/** Bodies that are cut into pieces are cut here. */
export const PIECE_BYTES = 64 * 1024;

export interface RunRequest {
  readonly protocol: number;
  readonly argv: readonly string[];
  readonly workingDirectory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Standard input and output are both a terminal. */
  readonly interactive: boolean;
  /** Standard output is one. */
  readonly columns?: number;
  readonly rows?: number;
}

export interface FileAnswer {
  /** POSIX's name of why it cannot be read. */
  readonly error?: string;
}

export interface TerminalOrder {
  /** Read standard input from now on. */
  readonly read?: true;
  readonly raw?: boolean;
  readonly hold?: boolean;
  /** Give the terminal back. */
  readonly close?: true;
}

export interface Frame {
  readonly kind: number;
  /** Good until the next `push`. */
  readonly body: Uint8Array;
}

const HEADER = 5;

/** A frame's bytes. */
export function frame(kind: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length + 1, true);
  bytes[4] = kind;
  bytes.set(body, HEADER);
  return bytes;
}

/** A frame with JSON in it. */
export function jsonFrame(kind: number, value: unknown): Uint8Array {
  return frame(kind, new TextEncoder().encode(JSON.stringify(value)));
}

/** The JSON of a frame's body; undefined where it is none. */
export function json(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** Puts frames together from bytes as they come. */
export class FrameReader {
  #rest: Uint8Array = new Uint8Array(0);

  /** Adds bytes; returns the frames that they complete, or 'oversized' where one is longer than a frame may be. */
  push(bytes: Uint8Array): Frame[] | 'oversized' {
    const all = this.#rest.length === 0 ? bytes : joined(this.#rest, bytes);
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    const frames: Frame[] = [];
    let at = 0;
    while (all.length - at >= HEADER) {
      const length = view.getUint32(at, true);
      if (length < 1 || length > FRAME_BYTES) return 'oversized';
      if (all.length - at < 4 + length) break;
      frames.push({ kind: all[at + 4] ?? 0, body: all.subarray(at + HEADER, at + 4 + length) });
      at += 4 + length;
    }
    this.#rest = all.slice(at);
    return frames;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
