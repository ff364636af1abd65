// What `--help` shows: all commands, those of a noun, or what one of them takes.
import { globalOptions, globalOptionsOf } from './global-options.ts';
import { tableLines } from './output.ts';
import type { Command, OptionDeclaration } from './command.ts';

export function helpOfAll(commands: readonly Command[]): string[] {
  return [
    'Usage: valora <command> [options]', '',
    ...tableLines(commands.map(({ name, summary }) => [`  ${name}`, summary])), '',
    'Options of every command that calls Valora:', ...optionLines(globalOptions), '',
    '`valora <command> --help` shows what a command takes. Ends with 0 when all is done, 1 when it was refused or failed, 2 when the command line is wrong, 3 when a part was refused.',
  ];
}

export function helpOfCommand(command: Command): string[] {
  const { summary, details, positionals = [], options = {}, credential } = command;
  return [
    `Usage: ${usage(command)}`, '', summary,
    ...(details === undefined ? [] : ['', details]),
    ...(credential === undefined ? [] : ['', `It needs ${credential}.`]),
    ...(positionals.length === 0 ? [] : ['', ...tableLines(positionals.map(({ name, description, choices }) => [`  <${name}>`, withChoices(description, choices)]))]),
    ...(Object.keys(options).length === 0 ? [] : ['', ...optionLines(options)]),
    '', 'Options of many commands:', ...optionLines(globalOptionsOf(command)),
  ];
}

/** `valora invoices verify [<invoice>…] [options]` */
export function usage({ name, positionals = [], options = {} }: Command): string {
  const words = positionals.map(({ name, optional, repeated }) => {
    const word = `<${name}>${repeated === true ? '…' : ''}`;
    return optional === true ? `[${word}]` : word;
  });
  const required = Object.entries(options).filter(([, { required }]) => required === true).map(([option, { value }]) => `--${option} <${value}>`);
  return ['valora', name, ...words, ...required, '[options]'].join(' ');
}

export function optionDescription({ description, choices, default: preset, repeated, required }: OptionDeclaration): string {
  return [
    withChoices(description, choices), ...(required === true ? ['Required.'] : []), ...(repeated === true ? ['May be given several times.'] : []), ...(preset === undefined ? [] : [`Default ${preset}.`]),
  ].join(' ');
}

export function withChoices(description: string, choices: readonly string[] | undefined): string {
  return choices === undefined ? description : `${description} One of ${choices.join(', ')}.`;
}

function optionLines(options: Readonly<Record<string, OptionDeclaration>>): string[] {
  return tableLines(Object.entries(options).map(([name, option]) => [`  --${name}${option.value === null ? '' : ` <${option.value}>`}`, optionDescription(option)]));
}
