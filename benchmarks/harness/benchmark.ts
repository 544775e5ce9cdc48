/** What one round of a contestant came to: named figures, such as `rate` or `p99`. */
export type Figures = Readonly<Record<string, number>>;

/** One of those that are measured in turn, in a process of its own. */
export interface Contestant {
  /** Does one round's work and measures it. Rounds of all contestants are equally much work. */
  round(index: number): Promise<Figures> | Figures;
  close(): Promise<void> | void;
}

/** What a contestant is started with. */
export interface Surroundings {
  /** A folder of its own on the disk that is measured. */
  readonly folder: string;
  /** What `prepare` left for all contestants. */
  readonly prepared: string;
  /** Less work, for a look; figures for the record come without it. */
  readonly quick: boolean;
}

/** A figure as it is shown. */
export interface FigureColumn {
  readonly figure: string;
  readonly title: string;
  readonly digits?: number;
}

/** What a contestant has to reach: as it is, or beside another one as the median of the ratios of the rounds. */
export interface Bar {
  readonly figure: string;
  readonly contestant: string;
  readonly to?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** One hot path, measured beside its floor. */
export interface Benchmark {
  readonly name: string;
  readonly title: string;
  readonly rounds: number;
  /** Takes so long that it is run only when it is asked for. Default: false. */
  readonly onlyByName?: boolean;
  /** Whether a round that does not count goes before them. Default: true. */
  readonly warmUp?: boolean;
  readonly columns: readonly FigureColumn[];
  /** By name, in the order in which they are shown. Each is loaded only in its own process. */
  readonly contestants: Readonly<Record<string, (surroundings: Surroundings) => Promise<Contestant>>>;
  readonly bars: readonly Bar[];
  /** Why it cannot be measured here; undefined when it can. It is said, and nothing is shown in its place. */
  readonly missing?: () => Promise<string | undefined>;
  /** Makes what all contestants start from, once. */
  readonly prepare?: (folder: string, quick: boolean) => Promise<void>;
}
