import { EXIT_INTERNAL, Failure } from './failure.ts';
import type { EngineStore } from './kept/engine-store.ts';
import { Program } from './program.ts';

/**
 * Carries out a command in this process; returns the exit status. `entry` is 'xl', 'start', 'host' for a host in the
 * background, or 'host start', which is xl's.
 */
export async function run(entry: string, argv: readonly string[], store: EngineStore): Promise<number> {
  const program = new Program(process.env, store);
  const failure = new Failure(program, argv);

  // A bug of ours, wherever it shows: a promise that nobody waits for, a callback of Node's.
  process.on('uncaughtException', (error) => {
    failure.report(error);
    process.exit(EXIT_INTERNAL);
  });

  return await failure.guard(async () => {
    switch (entry) {
      case 'host':
      case 'host start': {
        const { hostEntry } = await import('./daemon/entry.ts');
        return await hostEntry(entry === 'host' ? 'background' : 'xl', argv, program);
      }
      case 'start': {
        const { start } = await import('./start.ts');
        return await start(argv, program);
      }
      case 'xl': {
        const { xl } = await import('../dom0/xl/main.ts');
        return await xl(argv, program);
      }
      default:
        throw new Error(`main.ts ${entry}: expected xl, start or host, for example main.ts xl create -F -c guest.cfg`);
    }
  });
}
