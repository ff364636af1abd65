// The commands as a page of the reference, made from the same table that parses them.
import { commands } from './commands.ts';
import { globalOptions } from './global-options.ts';
import { optionDescription, usage, withChoices } from './help.ts';
import type { Command, OptionDeclaration } from './command.ts';

/** What stands between these two lines of docs/reference/cli.md is made by `npm run reference`. */
export const REFERENCE_BEGIN = '<!-- made by `npm run reference` -->';
export const REFERENCE_END = '<!-- end of what is made -->';

/** Markdown: the options that commands share, then each command. */
export function commandReference(): string {
  return [
    REFERENCE_BEGIN, '', '## Options of every command that calls Valora', '', 'The others (up, migrate, deployment-secrets, demo, bill-trace, completion) take the last two.', '', ...optionTable(globalOptions),
    ...commands.flatMap(commandSection), '', REFERENCE_END,
  ].join('\n');
}

/** The page with its part that is made put in place. */
export function withReference(page: string): string {
  const [begin, end] = [page.indexOf(REFERENCE_BEGIN), page.indexOf(REFERENCE_END)];
  if (begin < 0 || end < begin) throw new Error('docs/reference/cli.md lacks the lines between which the commands stand.');
  return page.slice(0, begin) + commandReference() + page.slice(end + REFERENCE_END.length);
}

function commandSection(command: Command): string[] {
  const { name, summary, details, positionals = [], options = {}, credential } = command;
  const taken = positionals.map((positional) => `| \`<${positional.name}>\` | ${cell(withChoices(positional.description, positional.choices))} |`);
  const table = [...taken, ...optionRows(options)];
  return [
    '', `## valora ${name}`, '', `\`${usage(command)}\``, '', summary,
    ...(details === undefined ? [] : ['', details]),
    ...(credential === undefined ? [] : ['', `Needs ${credential}.`]),
    ...(table.length === 0 ? [] : ['', '| | meaning |', '|---|---|', ...table]),
  ];
}

function optionTable(options: Readonly<Record<string, OptionDeclaration>>): string[] {
  return ['| | meaning |', '|---|---|', ...optionRows(options)];
}

function optionRows(options: Readonly<Record<string, OptionDeclaration>>): string[] {
  return Object.entries(options).map(([name, option]) => `| \`--${name}${option.value === null ? '' : ` <${cell(option.value)}>`}\` | ${cell(optionDescription(option))} |`);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
