/**
 * The program: `main.ts xl ARGUMENTS...` is xl, `main.ts start ARGUMENTS...` is `npm start`, `main.ts host` a host.
 * bin/xl runs it with a fitting Node. What a running host carries out loads next to nothing here.
 */
import { route } from './daemon/route.ts';

const [entry = '', ...argv] = process.argv.slice(2);
const where = entry === 'xl' ? route(argv, process.env) : 'here';
process.exit(where === 'host' ? await onHost() : await inThisProcess());

async function onHost(): Promise<number> {
  const { runOnHost } = await import('./daemon/client.ts');
  try {
    return await runOnHost(argv, process.env);
  } catch (error) {
    if (!(error instanceof Error && error.name === 'XenolithError')) throw error;
    process.stderr.write(`xl: ${error.message}\n`);
    return 1;
  }
}

async function inThisProcess(): Promise<number> {
  const { EXIT_INTERNAL, Failure } = await import('./failure.ts');
  const { Program } = await import('./program.ts');
  const program = new Program(process.env);
  const failure = new Failure(program, argv);

  // A bug of ours, wherever it shows: a promise that nobody waits for, a callback of Node's.
  process.on('uncaughtException', (error) => {
    failure.report(error);
    process.exit(EXIT_INTERNAL);
  });

  return await failure.guard(async () => {
    if (where === 'start' || entry === 'host') {
      const { hostEntry } = await import('./daemon/entry.ts');
      return await hostEntry(entry === 'host' ? 'background' : 'xl', argv, program);
    }
    if (entry === 'start') {
      const { start } = await import('./start.ts');
      return await start(argv, program);
    }
    if (entry === 'xl') {
      const { xl } = await import('../dom0/xl/main.ts');
      return await xl(argv, program);
    }
    throw new Error(`main.ts ${entry}: expected xl, start or host, for example main.ts xl create -F -c guest.cfg`);
  });
}
