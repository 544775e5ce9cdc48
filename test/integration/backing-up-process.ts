/**
 * Backs a store up, and says after each bit of progress how far it is. Usage: backing-up-process.ts <file> <folder>
 */
import { writeSync } from 'node:fs';
import { createBackup } from '../../src/operations/index.ts';

const [file = '', folder = ''] = process.argv.slice(2);
const say = (what: object): void => void writeSync(1, `${JSON.stringify(what)}\n`);

await createBackup(file, folder, { onProgress: (stage, done) => say({ stage, done }), pagesPerStep: 8 });
say({ done: true });
