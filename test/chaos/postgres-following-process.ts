/** Follows the log behind a position and says the position of each event, until it is killed. Usage: postgres-following-process.ts <url> <after> */
import { writeSync } from 'node:fs';
import { createMillrace } from '../../src/index.ts';

const [store = '', after] = process.argv.slice(2);
const app = await createMillrace({ store });
for await (const { position } of app.subscribe({ after: Number(after) })) writeSync(1, `{"position":${position}}\n`);
