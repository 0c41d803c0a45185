import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Bundle, bundle } from './web-bundle.ts';

/** A web server for the page, on this host alone. */
export interface WebServer {
  /** http://127.0.0.1:PORT */
  readonly origin: string;
  close(): Promise<void>;
}

const ROOT = new URL('../../', import.meta.url);

/** What may be asked for, by the start of its path; all of it is in the repository or installed with it. */
const SERVED = ['/src/', '/web/', '/guests/', '/node_modules/zstddec/dist/'];
const SOURCES = ['src/**/*.ts', 'web/**/*.ts', 'guests/**/*.ts'];
const IS_FOR_TESTS = /\.test\.ts$|\/testing\//;
const PAGE = '/web/index.html';
const WORKER = '/web/worker.ts';

const TYPES: Readonly<Record<string, string>> = {
  ts: 'text/javascript',
  mjs: 'text/javascript',
  html: 'text/html; charset=utf-8',
};

/**
 * Serves the page, the sources with their types taken out, as Node takes them out when it runs them, and some files.
 * What the browser runs is line for line what is in the repository, and nothing has to be built. The page asks for sources
 * as they were when the server began, under an address that is another when one of them is (/build-HASH/): a browser
 * keeps those, with what it made of them, and what the page keeps goes by that address. There, the worker and all that it
 * imports is one script.
 *
 * @param files by their path on the server: the path of a file on the host, or its content
 * @param port 0 takes a free one
 */
export async function serveWeb(files: Readonly<Record<string, string | Uint8Array>>, port = 0): Promise<WebServer> {
  const build = new Build();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    let answer: Answer | undefined;
    try {
      answer = find(pathname, files, build);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'EISDIR') answer = { status: 500, type: 'text/plain', body: String(error) };
    }
    const {
      status = 200,
      type,
      body,
      stays = false,
    } = answer ?? { status: 404, type: 'text/plain', body: `no ${pathname} here\n` };
    const caching = { 'Cache-Control': stays ? 'max-age=31536000, immutable' : 'no-store' };
    response.writeHead(status, { ...ISOLATION, 'Content-Type': type, ...caching }).end(body);
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
  /** The address will never mean anything else. */
  readonly stays?: boolean;
}

/** The sources, all of one time, and what they are for the browser. */
class Build {
  /** Begins each address of theirs: /build-HASH */
  readonly prefix: string;
  readonly #sources = new Map<string, string>();
  readonly #scripts = new Map<string, string>();
  #worker: Bundle | undefined;

  constructor() {
    const hash = createHash('sha256');
    for (const name of globSync(SOURCES, { cwd: fileURLToPath(ROOT) }).sort()) {
      const path = `/${name}`;
      if (IS_FOR_TESTS.test(path)) continue;
      const source = readFileSync(new URL(name, ROOT), 'utf8');
      this.#sources.set(path, source);
      hash.update(`${path} ${source.length}\n${source}`);
    }
    this.prefix = `/build-${hash.digest('hex').slice(0, 32)}`;
  }

  script(path: string): string | undefined {
    const source = this.#sources.get(path);
    if (source === undefined) return undefined;
    const script = this.#scripts.get(path) ?? browserSource(source);
    this.#scripts.set(path, script);
    return script;
  }

  /** The worker, with all that it imports. */
  get worker(): Bundle {
    const read = (path: string) => {
      const script = this.script(path);
      if (script === undefined) throw new Error(`${path} is imported, and not served`);
      return script;
    };
    this.#worker ??= bundle(WORKER, read, 'worker.ts.map');
    return this.#worker;
  }
}

function find(
  pathname: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  build: Build,
): Answer | undefined {
  const file = files[pathname];
  if (file !== undefined) {
    return { type: 'application/octet-stream', body: typeof file === 'string' ? readFileSync(file) : file };
  }
  const isOfBuild = pathname.startsWith(`${build.prefix}/`);
  const path = pathname === '/' ? PAGE : isOfBuild ? pathname.slice(build.prefix.length) : pathname;
  // `URL` has resolved every '..' by now.
  if (!SERVED.some((start) => path.startsWith(start))) return undefined;
  const type = TYPES[path.slice(path.lastIndexOf('.') + 1)] ?? 'text/plain; charset=utf-8';
  if (isOfBuild && path === WORKER) return { type, body: build.worker.script, stays: true };
  if (isOfBuild && path === `${WORKER}.map`) return { type, body: build.worker.sourceMap, stays: true };
  if (path.endsWith('.ts')) {
    const body = build.script(path);
    return body === undefined ? undefined : { type, body, stays: isOfBuild };
  }
  const body = readFileSync(new URL(`.${path}`, ROOT));
  if (path !== PAGE) return { type, body };
  return { type, body: body.toString().replace('src="/web/', `src="${build.prefix}/web/`) };
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
