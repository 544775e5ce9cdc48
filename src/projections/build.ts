/** One making of a read model: by a version of its projection, and the how-manieth making of that version, from 0. */
export interface Build {
  readonly version: number;
  readonly number: number;
}

/** The short name of a build: `2`, or `2.1` when version 2 was built once more. */
export function buildName({ version, number }: Build): string {
  return number === 0 ? String(version) : `${version}.${number}`;
}

/** The build that a short name stands for. */
export function buildNamed(name: string): Build {
  const [version, number = '0'] = name.split('.');
  return { version: Number(version), number: Number(number) };
}

/** The collection that holds the documents of a build. */
export function collectionOf(projection: string, build: Build): string {
  return `${projection}@${buildName(build)}`;
}

/** The processor that keeps a build. */
export function processorOf(projection: string, build: Build): string {
  return `projection:${projection}@${buildName(build)}`;
}

/** Whether two builds are the same. */
export function sameBuild(one: Build | null, other: Build | null): boolean {
  return one !== null && other !== null && one.version === other.version && one.number === other.number;
}
