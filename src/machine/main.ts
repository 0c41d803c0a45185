/**
 * The program: `main.ts xl ARGUMENTS...` is xl, `main.ts start ARGUMENTS...` is `npm start`. bin/xl runs it with a
 * fitting Node.
 */
import { EXIT_INTERNAL, Failure } from './failure.ts';
import { Program } from './program.ts';

const [entry, ...argv] = process.argv.slice(2);
const program = new Program(process.env);
const failure = new Failure(program, argv);

// A bug of ours, wherever it shows: a promise that nobody waits for, a callback of Node's.
process.on('uncaughtException', (error) => {
  failure.report(error);
  process.exit(EXIT_INTERNAL);
});

process.exit(await failure.guard(() => run(entry)));

async function run(name: string | undefined): Promise<number> {
  switch (name) {
    case 'xl': {
      const { xl } = await import('../dom0/xl/main.ts');
      return xl(argv, program);
    }
    case 'start': {
      const { start } = await import('./start.ts');
      return start(argv, program);
    }
    default:
      throw new Error(`main.ts ${name ?? ''}: expected xl or start, for example main.ts xl create -F -c guest.cfg`);
  }
}
