// Completion for shells.
import type { Command } from '../command.ts';

export const completionCommands: readonly Command[] = [
  {
    name: 'completion',
    summary: 'Prints the completion script of a shell.',
    details: 'bash: eval "$(valora completion bash)" in ~/.bashrc. zsh: eval "$(valora completion zsh)" in ~/.zshrc, after compinit. fish: valora completion fish > ~/.config/fish/completions/valora.fish',
    positionals: [{ name: 'shell', description: 'Which one.', choices: ['bash', 'zsh', 'fish'] }],
    async run({ output }, args) {
      const [{ commands }, { completionScript }] = await Promise.all([import('../commands.ts'), import('../completion.ts')]);
      completionScript(commands, args.positional('shell')).forEach((line) => output.line(line));
    },
  },
];
