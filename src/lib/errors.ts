/**
 * An operator's mistake: a wrong file, key, argument or host. The message is one sentence that says where, what was
 * read, what was expected, and an example that works; the code is stable, from one table an area (`XL_CONFIG_TYPE`).
 * A guest's mistake is an errno or an exception in the guest instead, and ours is `assert`.
 */
export class XenolithError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'XenolithError';
    this.code = code;
  }
}
