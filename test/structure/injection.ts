import { type ESTree, Visitor } from 'vite';
import { isTest, type SourceFile, type Violation } from './source-file.ts';

/** Files that are where time and chance come from, or that stand outside of what a virtual clock drives. */
const SOURCES_OF_TIME_AND_CHANCE: readonly (readonly [file: RegExp, reason: string])[] = [
  [/^src\/core\/clock\.ts$/, 'the clock of the machine'],
  [/^src\/core\/random\.ts$/, 'the chance of the machine'],
  [/^src\/testing\//, 'the virtual clock itself, and the drivers of tests'],
];

const CLOCK = 'use the injected Clock';
const RANDOM = 'use the injected Random or IdSource';
const FORBIDDEN_MEMBERS: Readonly<Record<string, string>> = {
  'Date.now': CLOCK,
  'performance.now': CLOCK,
  'process.hrtime': CLOCK,
  'process.uptime': CLOCK,
  'AbortSignal.timeout': CLOCK,
  'Math.random': RANDOM,
  'crypto.randomUUID': RANDOM,
  'crypto.getRandomValues': RANDOM,
};
const FORBIDDEN_NAMES: Readonly<Record<string, string>> = {
  setTimeout: CLOCK,
  setInterval: CLOCK,
  setImmediate: CLOCK,
  randomUUID: RANDOM,
  randomUUIDv7: RANDOM,
  randomInt: RANDOM,
  randomBytes: RANDOM,
  getRandomValues: RANDOM,
};
const FORBIDDEN_MODULES: Readonly<Record<string, string>> = { 'node:timers': CLOCK, 'node:timers/promises': CLOCK };

/** Nothing reads a clock, sets a timer or throws dice by itself: a virtual clock and a seed must be able to repeat a run. */
export function timeAndChanceAreInjected(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(({ path }) => !isTest(path) && !SOURCES_OF_TIME_AND_CHANCE.some(([file]) => file.test(path)))
    .flatMap(file => {
      const violations: Violation[] = [];
      const forbid = (node: { start: number }, what: string, instead: string | undefined): void => {
        if (instead === undefined) return;
        violations.push({ path: file.path, line: file.lineOf(node.start), message: `${what}: ${instead}` });
      };
      for (const { specifier, line } of file.imports) {
        const instead = FORBIDDEN_MODULES[specifier];
        if (instead !== undefined) violations.push({ path: file.path, line, message: `${specifier}: ${instead}` });
      }
      // Visited before the identifiers inside them: names of properties are not uses of what is global.
      const propertyNames = new Set<number>();
      const nameOnly = (node: { key: ESTree.Node; computed: boolean }): void => {
        if (!node.computed) propertyNames.add(node.key.start);
      };
      new Visitor({
        MemberExpression(node) {
          if (node.computed || node.property.type !== 'Identifier') return;
          propertyNames.add(node.property.start);
          if (node.object.type !== 'Identifier') return;
          const name = `${node.object.name}.${node.property.name}`;
          forbid(node, name, FORBIDDEN_MEMBERS[name]);
        },
        Property: nameOnly,
        MethodDefinition: nameOnly,
        PropertyDefinition: nameOnly,
        TSPropertySignature: nameOnly,
        TSMethodSignature: nameOnly,
        Identifier(node) {
          if (!propertyNames.has(node.start)) forbid(node, node.name, FORBIDDEN_NAMES[node.name]);
        },
        NewExpression(node) {
          const isDate = node.callee.type === 'Identifier' && node.callee.name === 'Date';
          if (isDate && node.arguments.length === 0) forbid(node, 'new Date()', CLOCK);
        },
      }).visit(file.program);
      return violations;
    });
}
