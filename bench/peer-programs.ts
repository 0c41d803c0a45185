import { spawnSync } from 'node:child_process';

/**
 * The first line of a program's `--version`. Where it is missing, its Debian packages are installed first if we may
 * (root); the run ends with status 2 if not.
 */
export function ensureProgram(program: string, packages: readonly string[]): string {
  const version = () => spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0];
  const there = version();
  if (there) return there;
  const install = ['apt-get', 'install', '-qy', '--no-install-recommends', ...packages];
  if (process.getuid?.() === 0) {
    console.error(`bench: no ${program} here; ${install.join(' ')}`);
    spawnSync('apt-get', install.slice(1), {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    const installed = version();
    if (installed) return installed;
  }
  console.error(`bench: ${program} is missing: as root, ${install.join(' ')}`);
  process.exit(2);
}
