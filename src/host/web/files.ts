/** Files that a server hands out: a path is an address on the server the page came from. */
export class FetchedFiles {
  readonly workingDirectory = '/';

  /** The whole file. Rejects with an Error that has a POSIX `code`, as files elsewhere do. */
  async read(path: string): Promise<Uint8Array> {
    const response = await fetch(path);
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    const code = CODES[response.status] ?? 'EIO';
    throw Object.assign(new Error(`${code}: the server answers ${response.status} to ${path}`), { code });
  }
}

const CODES: Readonly<Record<number, string>> = { 403: 'EACCES', 404: 'ENOENT' };
