import { areaOf, isTest, type SourceFile, type Violation } from './source-file.ts';

/** From the bottom to the top. Imports point down; areas on one line never import each other. */
const LAYERS: readonly (readonly string[])[] = [
  ['core'],
  ['storage'],
  ['store', 'sqlite', 'postgres', 'kafka'],
  ['operations'],
  ['processing'],
  ['projections', 'sagas', 'streams', 'router', 'subscriptions', 'replication'],
  ['app'],
  // What programs import by the name of the package, and the kits for their tests.
  ['index', 'testing'],
  ['server'],
  ['cli', 'client'],
];

/** Which single area may know a package. A package that is not named here may be used by one area, whichever that is. */
const PACKAGE_OWNERS: Readonly<Record<string, string>> = {
  'better-sqlite3': 'sqlite',
  pg: 'postgres',
  '@confluentinc/kafka-javascript': 'kafka',
  undici: 'router',
  'ipaddr.js': 'router',
  standardwebhooks: 'router',
  pino: 'app',
  'prom-client': 'app',
  fastify: 'server',
  '@fastify/static': 'server',
  commander: 'cli',
};

/** Packages that are interfaces, not clients: every area may use them. */
const SHARED_PACKAGES: ReadonlySet<string> = new Set(['@opentelemetry/api', '@standard-schema/spec']);

function layerOf(area: string): number {
  return LAYERS.findIndex(layer => layer.includes(area));
}

/** Imports point down, enter other areas by their index, and nothing imports the kits for tests. */
export function importsPointDown(files: readonly SourceFile[]): Violation[] {
  return sourceImports(files).flatMap(({ file, target, line }) => {
    const [from, to] = [areaOf(file.path), areaOf(target)];
    const say = (message: string): Violation[] => [{ path: file.path, line, message }];
    if (!target.startsWith('src/')) return say(`imports ${target}, which is not part of the package`);
    if (layerOf(from) < 0) return say(`the area "${from}" has no place in LAYERS (test/structure/layers.ts)`);
    if (from === to) return [];
    if (to === 'testing') return say('imports src/testing, which is for tests alone');
    if (layerOf(to) >= layerOf(from)) return say(`${from} imports ${to}, which is not below it`);
    if (target !== `src/${to}/index.ts` && to !== 'index') return say(`enters ${to} by ${target}, not by its index.ts`);
    return [];
  });
}

/** No file imports itself by way of others; imports of types count, because readers have to follow them too. */
export function noImportCycles(files: readonly SourceFile[]): Violation[] {
  const byPath = new Map(files.map(file => [file.path, file]));
  const finished = new Set<string>();
  const violations: Violation[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (finished.has(path)) return;
    for (const { target, line } of byPath.get(path)?.imports ?? []) {
      const loop = target === undefined ? -1 : [...trail, path].indexOf(target);
      if (loop >= 0) {
        const cycle = [...[...trail, path].slice(loop), target];
        violations.push({ path, line, message: `imports in a circle: ${cycle.join(' → ')}` });
      } else if (target !== undefined) visit(target, [...trail, path]);
    }
    finished.add(path);
  };
  for (const { path } of files) visit(path, []);
  return violations;
}

/** Each database, broker, HTTP or command-line library is known to one area, so that it can be replaced there. */
export function oneAreaPerPackage(files: readonly SourceFile[]): Violation[] {
  const owners = new Map(Object.entries(PACKAGE_OWNERS));
  return packageImports(files).flatMap(({ file, name, line }) => {
    if (SHARED_PACKAGES.has(name)) return [];
    const area = areaOf(file.path);
    const owner = owners.get(name) ?? area;
    owners.set(name, owner);
    if (owner === area) return [];
    return [{ path: file.path, line, message: `imports ${name}, which only src/${owner} may know` }];
  });
}

/** What is published imports only what an install brings: dependencies, or peers that the message of a failed import names. */
export function onlyInstalledPackages(
  files: readonly SourceFile[],
  manifest: { dependencies?: object; peerDependencies?: object },
): Violation[] {
  const installed = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }));
  return packageImports(files)
    .filter(({ name }) => !installed.has(name))
    .map(({ file, name, line }) => ({
      path: file.path,
      line,
      message: `imports ${name}, which is neither a dependency nor a peer: it would be missing in the published package`,
    }));
}

/** Examples and benchmarks use the package by its name; the dashboard and the floor of the benchmarks do not use it at all. */
export function outsidersUseThePackage(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(file => {
    const stranger = file.path.startsWith('dashboard/') || file.path.startsWith('benchmarks/floor/');
    return file.imports.flatMap(({ specifier, target, line }) => {
      if (target?.startsWith('src/'))
        return [{ path: file.path, line, message: `imports ${target} past the package's exports` }];
      if (stranger && /^millrace(\/|$)/.test(specifier))
        return [{ path: file.path, line, message: 'must not import millrace' }];
      return [];
    });
  });
}

function sourceImports(files: readonly SourceFile[]): { file: SourceFile; target: string; line: number }[] {
  return files
    .filter(file => !isTest(file.path))
    .flatMap(file =>
      file.imports.flatMap(({ target, line }) => (target === undefined ? [] : [{ file, target, line }])),
    );
}

function packageImports(files: readonly SourceFile[]): { file: SourceFile; name: string; line: number }[] {
  return files
    .filter(file => !isTest(file.path))
    .flatMap(file =>
      file.imports
        .filter(({ specifier }) => !/^(\.|node:)/.test(specifier))
        .map(({ specifier, line }) => ({
          file,
          line,
          name: specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'),
        })),
    );
}
