import { type Command, helpText } from '../command.ts';
import { EXIT_ERROR } from '../exit-status.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `xl completion`: what a shell has to know to complete xl's words, from the table of its commands. */
export function completion(commands: () => readonly Command[]): Command {
  const command: Command = {
    name: 'completion',
    summary: 'Print completion of xl for a shell',
    usage: '<bash|zsh|fish>',
    options: [
      'bash:  eval "$(xl completion bash)"',
      'zsh:   eval "$(xl completion zsh)"',
      'fish:  xl completion fish | source',
    ],
    modifies: false,
    canDryRun: true,
    run: async (argv, context) => {
      const shell = SHELLS.find((each) => each === argv[0]);
      if (argv[0] === '-h' || argv[0] === '--help') {
        context.services.stdout(helpText(command));
        return 0;
      }
      if (shell === undefined) {
        context.say(`xl completion: expected one of ${SHELLS.join(', ')}, for example xl completion bash`);
        return EXIT_ERROR;
      }
      const there = commands().filter(({ absent }) => absent === undefined);
      context.services.stdout(SCRIPTS[shell](there));
      return 0;
    },
  };
  return command;
}

const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], (commands: readonly Command[]) => string>> = {
  bash,
  zsh,
  fish,
};

/** Commands whose first argument is a domain. */
function takesDomain({ usage }: Command): boolean {
  return /Domain/.test(usage) && !/Domain(Name|Id)>/.test(usage);
}

/** All the options of a command: letters and long names. */
function optionWords({ table }: Command): string[] {
  if (table === undefined) return [];
  const letters = [...table.short].filter((letter) => letter !== ':').map((letter) => `-${letter}`);
  return [...letters, ...Object.keys(table.long).map((name) => `--${name}`)];
}

const DOMAINS = "xl list 2>/dev/null | awk 'NR > 1 && $2 > 0 { print $1 }'";

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const domains = takesDomain(command) ? ' domains=1' : '';
    const files = /ConfigFile/.test(command.usage) ? ' files=1' : '';
    return `    ${command.name}) words='${optionWords(command).join(' ')}'${domains}${files} ;;`;
  });
  return `# xl completion bash
_xl() {
  local current=\${COMP_WORDS[COMP_CWORD]} words= domains= files=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')} help' -- "$current"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  case $current in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *)
      [ -z "$domains" ] || COMPREPLY=($(compgen -W "$(${DOMAINS})" -- "$current"))
      [ -z "$files" ] || COMPREPLY+=($(compgen -f -- "$current"))
      ;;
  esac
}
complete -o filenames -F _xl xl
`;
}

function zsh(commands: readonly Command[]): string {
  return `#compdef xl
# xl completion zsh
autoload -U +X bashcompinit && bashcompinit
${bash(commands).replace('# xl completion bash\n', '')}`;
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string) => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
  const lines = commands.flatMap((command) => {
    const seen = `-n '__fish_seen_subcommand_from ${command.name}'`;
    const long = Object.entries(command.table?.long ?? {}).map(([name, { letter }]) => {
      return `complete -c xl ${seen} -l ${name}${letter === undefined ? '' : ` -s ${letter}`}`;
    });
    return [
      `complete -c xl -n __fish_use_subcommand -f -a ${command.name} -d ${quoted(command.summary)}`,
      ...(takesDomain(command) ? [`complete -c xl ${seen} -f -a ${quoted(`(${DOMAINS})`)}`] : []),
      ...long,
    ];
  });
  return `# xl completion fish\n${lines.join('\n')}\n`;
}
