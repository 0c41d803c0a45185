import type { ConsoleClient } from '../../dom0/console/console-client.ts';
import type { ConsoleTerminal } from '../../dom0/console/xenconsoled.ts';
import { Pty } from '../../host/node/pty.ts';

/** Of what nobody has read: a boot's messages. */
const UNREAD_BYTES = 256 * 1024;

/** The name of a domain's console where there are no terminals: its socket. */
type Instead = () => string;

/**
 * A terminal for a domain's console, which screen(1) and minicom(1) take, as xenconsoled makes one. Unlike those who
 * look by xl or the console's socket it keeps no guest waiting: mostly nobody has it open.
 */
export async function openConsoleTerminal(
  attach: (client: ConsoleClient) => () => void,
  instead: Instead,
): Promise<ConsoleTerminal> {
  const pty = await Pty.open(UNREAD_BYTES);
  if (pty === undefined) return { name: instead(), close: () => {} };
  const detach = attach(clientOf(pty));
  return {
    name: pty.path,
    close: () => {
      detach();
      pty.close();
    },
  };
}

function clientOf(pty: Pty): ConsoleClient {
  return {
    output: (bytes) => {
      pty.write(bytes);
      return bytes.length;
    },
    onDrain: () => {},
    onInput: (listener) => {
      pty.onTyped(listener);
      pty.hold(false);
    },
    inputPaused: (paused) => pty.hold(paused),
    closed: () => {},
  };
}
