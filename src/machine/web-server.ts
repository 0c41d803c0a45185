import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A web server for the page, on this host alone. */
export interface WebServer {
  /** http://127.0.0.1:PORT */
  readonly origin: string;
  close(): Promise<void>;
}

const ROOT = new URL('../../', import.meta.url);

/** What may be asked for, by the start of its path; all of it is in the repository or installed with it. */
const SERVED = ['/src/', '/web/', '/guests/', '/node_modules/zstddec/dist/'];

const TYPES: Readonly<Record<string, string>> = {
  ts: 'text/javascript',
  mjs: 'text/javascript',
  html: 'text/html; charset=utf-8',
};

/**
 * Serves the page, the sources with their types taken out, as Node takes them out when it runs them, and some files.
 * No bundle: what the browser runs is line for line what is in the repository, and nothing has to be built.
 *
 * @param files by their path on the server: the path of a file on the host, or its content
 * @param port 0 takes a free one
 */
export async function serveWeb(files: Readonly<Record<string, string | Uint8Array>>, port = 0): Promise<WebServer> {
  const kept = new Map<string, string>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    let answer: Answer | undefined;
    try {
      answer = find(pathname, files, kept);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'EISDIR') answer = { status: 500, type: 'text/plain', body: String(error) };
    }
    const { status = 200, type, body } = answer ?? { status: 404, type: 'text/plain', body: `no ${pathname} here\n` };
    response.writeHead(status, { ...ISOLATION, 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body);
  });
  await listen(server, port);
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What makes a page cross-origin isolated (HTML): it gets finer clocks and may wait for an instant. */
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

interface Answer {
  readonly status?: number;
  readonly type: string;
  readonly body: string | Uint8Array;
}

function find(
  pathname: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  kept: Map<string, string>,
): Answer | undefined {
  const file = files[pathname];
  if (file !== undefined) {
    return { type: 'application/octet-stream', body: typeof file === 'string' ? readFileSync(file) : file };
  }
  const path = pathname === '/' ? '/web/index.html' : pathname;
  // `URL` has resolved every '..' by now.
  if (!SERVED.some((start) => path.startsWith(start))) return undefined;
  const type = TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'text/plain; charset=utf-8';
  if (!path.endsWith('.ts')) return { type, body: readFileSync(new URL(`.${path}`, ROOT)) };
  const script = kept.get(path) ?? browserSource(readFileSync(new URL(`.${path}`, ROOT), 'utf8'));
  kept.set(path, script);
  return { type, body: script };
}

/** Browsers know relative imports alone: a package is found as Node finds it, below node_modules. */
function browserSource(text: string): string {
  return stripTypeScriptTypes(text).replace(
    /^((?:import|export)\b.*?\bfrom |\} from |.*(?<![.\w])import\()'([a-z@][^']*)'/gm,
    (_, start: string, name: string) => `${start}'${packagePath(name)}'`,
  );
}

function packagePath(name: string): string {
  const file = fileURLToPath(import.meta.resolve(name));
  return file.slice(file.indexOf('/node_modules/'));
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}
