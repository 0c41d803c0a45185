import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ensureGuest, type Guest } from '../../../src/machine/guests/ensure-guest.ts';

const XL = fileURLToPath(new URL('../../../bin/xl', import.meta.url));
/** No test waits for a guest that hangs. */
const TIMEOUT_SECONDS = 120;
const PROMPT = '~ # ';

/** Debian's kernel and our initramfs, fetched once; the reason where that cannot be. */
export async function fetched(): Promise<Guest | string> {
  try {
    return await ensureGuest('debian', () => {});
  } catch (error) {
    return (error as Error).message;
  }
}

/** Boots the guest, with more settings as xl.cfg has them, and gives its shell one line at each prompt. */
export function converse(
  from: Guest,
  lines: readonly string[],
  more: readonly string[] = [],
): Promise<{ output: string; status: number | null }> {
  const settings = [`kernel="${from.kernel}"`, `ramdisk="${from.ramdisk}"`, ...more];
  const xl = spawn(XL, ['create', '-F', '-c', `--timeout=${TIMEOUT_SECONDS}`, from.config, ...settings]);
  const left = [...lines];
  let output = '';
  let answered = 0;
  xl.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    const prompt = output.indexOf(PROMPT, answered);
    if (prompt < 0) return;
    answered = prompt + PROMPT.length;
    const line = left.shift();
    if (line !== undefined) xl.stdin.write(`${line}\n`);
  });
  xl.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve) => xl.on('close', (status) => resolve({ output, status })));
}
