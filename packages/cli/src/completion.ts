// Completion scripts, from the table of commands. bash and zsh get one list of words for each place on the line; fish has
// conditions of its own.
import type { Command, OptionDeclaration } from './command.ts';
import { globalOptions, globalOptionsOf } from './global-options.ts';

/** `shell` is bash, zsh or fish. */
export function completionScript(commands: readonly Command[], shell: string): string[] {
  switch (shell) {
    case 'bash':
      return bashScript(commands);
    case 'zsh':
      // zsh runs bash completions by its own means.
      return ['autoload -Uz bashcompinit && bashcompinit', ...bashScript(commands)];
    case 'fish':
      return fishScript(commands);
    default:
      throw new Error(`no completion for ${shell}`);
  }
}

/** The words that may follow a command's own: options, and the choices of its first positional. */
function wordsOf(command: Command): string[] {
  const { options = {}, positionals = [] } = command;
  return [...(positionals[0]?.choices ?? []), ...Object.keys({ ...options, ...globalOptionsOf(command) }).map((name) => `--${name}`)];
}

function choicesOf({ options = {} }: Command): (readonly [name: string, choices: readonly string[]])[] {
  return Object.entries(options).flatMap(([name, { choices }]) => (choices === undefined ? [] : [[name, choices] as const]));
}

function isFile([, { value }]: readonly [string, OptionDeclaration]): boolean {
  return value === 'file';
}

function bashScript(commands: readonly Command[]): string[] {
  const nouns = new Map<string, string[]>();
  for (const { name } of commands) {
    const [noun = '', verb] = name.split(' ');
    nouns.set(noun, [...(nouns.get(noun) ?? []), ...(verb === undefined ? [] : [verb])]);
  }
  const verbs = [...nouns].filter(([, words]) => words.length > 0);
  const files = [...new Set(commands.flatMap(({ options = {} }) => Object.entries({ ...options, ...globalOptions }).filter(isFile).map(([name]) => `--${name}`)))];
  return [
    '_valora() {',
    '  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} line="${COMP_WORDS[1]} ${COMP_WORDS[2]}"',
    '  COMPREPLY=()',
    `  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W '${[...nouns.keys()].join(' ')}' -- "$word")); return; fi`,
    `  case "$before" in ${files.join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;; esac`,
    '  if [ "$COMP_CWORD" -eq 2 ]; then',
    '    case "${COMP_WORDS[1]}" in',
    ...verbs.map(([noun, words]) => `      ${noun}) COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$word")); return ;;`),
    '    esac',
    '  fi',
    '  case "$line $before" in',
    ...commands.flatMap((command) => choicesOf(command).map(([option, choices]) => `    "${command.name}"*" --${option}") COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$word")); return ;;`)),
    '  esac',
    '  case "$line" in',
    ...commands.map((command) => `    "${command.name}"*) COMPREPLY=($(compgen -W '${wordsOf(command).join(' ')}' -- "$word")) ;;`),
    '  esac',
    '  if [ ${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- "$word")); fi',
    '}',
    'complete -F _valora valora',
  ];
}

function fishScript(commands: readonly Command[]): string[] {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const nouns = [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? ''))];
  const option = (condition: string, name: string, { value, description, choices }: OptionDeclaration): string =>
    ['complete -c valora', condition, `-l ${name}`, value === null ? '' : '-x', choices === undefined ? '' : `-a ${quoted(choices.join(' '))}`, value === 'file' ? '-F' : '', `-d ${quoted(description)}`].filter((part) => part !== '').join(' ');
  return [
    ...nouns.map((noun) => `complete -c valora -f -n __fish_use_subcommand -a ${noun} -d ${quoted(commands.filter(({ name }) => name === noun).map(({ summary }) => summary)[0] ?? `Commands of ${noun}.`)}`),
    ...commands.flatMap((command) => {
      const [noun = '', verb] = command.name.split(' ');
      const condition = `-n ${quoted(`__fish_seen_subcommand_from ${noun}${verb === undefined ? '' : `; and __fish_seen_subcommand_from ${verb}`}`)}`;
      const known = commands.flatMap(({ name }) => (name.startsWith(`${noun} `) ? [name.slice(noun.length + 1)] : [])).join(' ');
      const verbs = verb === undefined ? [] : [`complete -c valora -f -n ${quoted(`__fish_seen_subcommand_from ${noun}; and not __fish_seen_subcommand_from ${known}`)} -a ${verb} -d ${quoted(command.summary)}`];
      const choices = command.positionals?.[0]?.choices;
      return [
        ...verbs, ...(choices === undefined ? [] : [`complete -c valora -f ${condition} -a ${quoted(choices.join(' '))}`]),
        ...Object.entries(command.options ?? {}).map(([name, declared]) => option(condition, name, declared)),
      ];
    }),
    ...Object.entries(globalOptions).map(([name, declared]) => option('', name, declared)),
  ];
}
