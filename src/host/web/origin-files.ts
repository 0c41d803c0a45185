/** Where files are that were written earlier. */
export interface KeptFiles {
  /** The whole file; undefined where there is none. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Writes it in one step: whoever reads at the same time, or after this was interrupted, finds the old or the new one. */
  write(name: string, parts: readonly Uint8Array[]): Promise<void>;
  remove(name: string): Promise<void>;
  /** The file that was written last comes first. */
  names(): Promise<string[]>;
}

/**
 * Files of the page's origin that stay in the browser (the Origin Private File System): nobody else sees them, no page
 * of another origin and no program that the user has not given the browser's own folder. All reject where the browser
 * has none, or no room.
 */
export class OriginFiles implements KeptFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const folder = await this.#open();
    if (!(await this.#timesOf(folder)).has(name)) return undefined;
    const file = await (await folder.getFileHandle(name)).getFile();
    return new Uint8Array(await file.arrayBuffer());
  }

  async write(name: string, parts: readonly Uint8Array[]): Promise<void> {
    const folder = await this.#open();
    const file = await folder.getFileHandle(name, { create: true });
    // What is written stands in a file of its own until it is closed.
    const stream = await file.createWritable();
    try {
      await stream.write(new Blob(parts as Uint8Array<ArrayBuffer>[]));
      await stream.close();
    } catch (error) {
      await stream.abort().catch(() => {});
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    await (await this.#open()).removeEntry(name);
  }

  async names(): Promise<string[]> {
    const times = await this.#timesOf(await this.#open());
    return [...times].sort(([, a], [, b]) => b - a).map(([name]) => name);
  }

  async #open(): Promise<FileSystemDirectoryHandle> {
    return (await navigator.storage.getDirectory()).getDirectoryHandle(this.#folder, { create: true });
  }

  async #timesOf(folder: FileSystemDirectoryHandle): Promise<Map<string, number>> {
    const times = new Map<string, number>();
    for await (const handle of folder.values())
      if (handle.kind === 'file') times.set(handle.name, (await handle.getFile()).lastModified);
    return times;
  }
}
