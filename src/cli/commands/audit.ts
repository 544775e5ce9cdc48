import { Command } from 'commander';
import type { Output } from '../output.ts';
import type { VerifyFlags } from '../run-verify.ts';

type Run = (action: (output: Output) => Promise<number>, json?: boolean) => Promise<void>;

/** `millrace verify`: whether a log is what was written to it. */
export function verifyCommand(run: Run): Command {
  return new Command('verify')
    .description(
      'Check a whole log: checksums, hash chain, gaps, revisions, indexes. Ends with 7 when something is wrong.',
    )
    .option('--store <url>', 'the store; a file may be in use', 'sqlite:./millrace.db')
    .option('--checkpoint <files...>', 'checkpoints that the log must fit')
    .option('--public-key <file>', 'Ed25519 key in PEM that the checkpoints must have been signed with')
    .option('--no-structure', 'leave out tables, indexes and pages, which take longest')
    .option('--json', 'print the report as one JSON object')
    .addHelpText(
      'after',
      '\nExample:\n  millrace verify --store sqlite:./shop.db --checkpoint monday.json --public-key audit.pub.pem',
    )
    .action((flags: VerifyFlags) =>
      run(async output => (await import('../run-verify.ts')).runVerify(flags, output), flags.json ?? false),
    );
}

/** `millrace checkpoint`: a signed statement of where a log stands. */
export function checkpointCommand(run: Run): Command {
  return new Command('checkpoint')
    .description(
      'Check a log and sign where it stands; whoever keeps that elsewhere sees later what was cut off or made anew.',
    )
    .requiredOption('--key <file>', 'private Ed25519 key in PEM: openssl genpkey -algorithm ed25519 -out audit.pem')
    .option('--store <url>', 'the store; a file may be in use', 'sqlite:./millrace.db')
    .option('--out <file>', 'write the checkpoint to a new file instead of printing it')
    .option('--json', 'say errors as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  millrace checkpoint --store sqlite:./shop.db --key audit.pem --out monday.json',
    )
    .action((flags: { key: string; store: string; out?: string; json?: boolean }) =>
      run(async output => (await import('../run-verify.ts')).runCheckpoint(flags, output), flags.json ?? false),
    );
}
