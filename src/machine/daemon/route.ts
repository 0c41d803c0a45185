/** Who carries out a command. */
export type Route =
  /** This process, by itself. */
  | 'here'
  /** The host; one is started where there is none. */
  | 'host'
  /** This process becomes the host, or starts one. */
  | 'start';

/**
 * Decides by the words alone, before anything is loaded: a command that the host carries out has to start within
 * milliseconds. What needs no domain is done here, and so is `create -F`, whose domain lives on a machine of its own,
 * unless a host was named by XENOLITH_HOME.
 */
export function route(argv: readonly string[], environment: Readonly<Record<string, string | undefined>>): Route {
  const at = commandAt(argv);
  const name = argv[at];
  if (name === undefined || name.startsWith('-') || name === 'help' || name === 'completion') return 'here';

  const rest = argv.slice(at + 1);
  if (rest.some((argument) => argument === '-h' || argument === '--help')) return 'here';
  if (name === 'host') return rest[0] === 'start' ? 'start' : 'host';
  if (!isCreate(name)) return 'host';

  const dry = argv.slice(0, at).some((argument) => argument.includes('N'));
  if (dry || rest.includes('--dryrun')) return 'here';
  const letters = clusters(rest);
  if (letters.includes('n')) return 'here';
  const named = (environment['XENOLITH_HOME'] ?? '') !== '';
  return letters.includes('F') && !named ? 'here' : 'host';
}

/** Where the command stands, behind the global options; -1 where there is none. */
export function commandAt(argv: readonly string[]): number {
  return argv.findIndex((argument) => !/^-[vNftT]+$/.test(argument));
}

/** `create`, or a beginning of it that is no beginning of another command. */
function isCreate(name: string): boolean {
  return name.length >= 2 && 'create'.startsWith(name);
}

/** All letters of the short options; what follows an f is its value. */
function clusters(argv: readonly string[]): string {
  let letters = '';
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (argument === '--') break;
    const cluster = /^-([^-].*)$/.exec(argument)?.[1];
    if (cluster === undefined) continue;
    const value = cluster.indexOf('f');
    letters += value < 0 ? cluster : cluster.slice(0, value);
    if (value === cluster.length - 1) index++;
  }
  return letters;
}
