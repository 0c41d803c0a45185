/** What the names of files start with that are not on the host, but made here. */
export const BUILT_IN = 'builtin:';

/**
 * Reads `builtin:hello`, our own test kernel, which our own assembler makes on the spot. Rejects with ENOENT where
 * there is no such file, as for any other.
 */
export async function readBuiltIn(path: string): Promise<Uint8Array> {
  if (path === `${BUILT_IN}hello`) {
    const { helloKernel } = await import('../../guests/hello/hello.ts');
    return helloKernel();
  }
  throw Object.assign(new Error(`ENOENT: nothing built in is called ${path}`), { code: 'ENOENT' });
}
