import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SOURCES = fileURLToPath(new URL('event-ruler', import.meta.url));
const BUILT = fileURLToPath(new URL('../../node_modules/.cache/event-ruler', import.meta.url));
const run = promisify(execFile);

/** EventBridge's own matcher at work in a process of its own. */
export interface EventRuler {
  /** Puts one question, as `EventRulerOracle.java` reads it. */
  ask<Answer>(question: object): Promise<Answer>;
  close(): Promise<void>;
}

/** Whether there is a Java compiler and Maven, which fetches the matcher. */
export function hasJava(): boolean {
  return ['javac', 'mvn'].every(command => spawnSync(command, ['-version'], { stdio: 'ignore' }).status === 0);
}

/** Builds the matcher when it is not built yet, and starts it. */
export async function startEventRuler(): Promise<EventRuler> {
  const classPath = `${BUILT}/lib/*:${BUILT}`;
  await mkdir(BUILT, { recursive: true });
  if (!existsSync(`${BUILT}/lib`)) {
    const output = [`-DoutputDirectory=${BUILT}/lib`, '-DincludeScope=runtime'];
    await run('mvn', ['-q', '-B', '-f', `${SOURCES}/pom.xml`, 'dependency:copy-dependencies', ...output]);
  }
  await run('javac', ['-cp', classPath, '-d', BUILT, `${SOURCES}/EventRulerOracle.java`]);
  const child = spawn('java', ['-Xmx4g', '-cp', classPath, 'EventRulerOracle'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask<Answer>(question: object) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error('EventBridge’s matcher ended; see what it wrote.');
      return JSON.parse(value) as Answer;
    },
    async close() {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}
