/**
 * The program: `main.ts xl ARGUMENTS...` is xl, `main.ts start ARGUMENTS...` is `npm start`, `main.ts host` a host.
 * bin/xl runs it with a fitting Node. What a running host carries out loads next to nothing here; all else is in run.ts,
 * which starts from what earlier runs have left.
 */
import { fileURLToPath } from 'node:url';
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
  const { KeptProgram } = await import('./kept/kept-program.ts');
  const { tuneWebAssembly } = await import('../host/node/webassembly.ts');
  // V8 takes only code that was made with the flags that are set now.
  tuneWebAssembly();
  const main = fileURLToPath(import.meta.url);
  const kept = new KeptProgram(main, import.meta.resolve);
  const { run } = kept.load(main.replace(/main(\.[jt]s)$/, 'run$1')) as typeof import('./run.ts');
  const status = await run(where === 'start' ? 'host start' : entry, argv, kept);
  kept.save();
  return status;
}
