import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkedName, type Duration, milliseconds } from '../core/index.ts';
import type { AnyEvent, DataOf, RecordedEvent, RecordedEventOf } from '../store/index.ts';
import type { JsonSafe } from './json-safe.ts';
import type { OnEnd, Saga, SagaTrigger } from './saga-definition.ts';
import { graphOf, type SagaNode } from './saga-graph.ts';
import { forEachNode, invalid, loopNode, sleepNode, stepNode, waitNode, withChecked } from './saga-nodes.ts';
import type {
  CommittedStepOptions,
  CommittedTxStepOptions,
  ForEachOptions,
  LoopOptions,
  PivotOptions,
  ScopeSoFar,
  SleepOptions,
  StepOptions,
  TxStepOptions,
  UntilOptions,
  WaitOptions,
} from './step-options.ts';

/** Whether a saga can still turn back where it is being built: not behind its pivot. */
export type SagaPhase = 'compensable' | 'committed';
/** Whether a saga is being built, or a part of one. */
export type SagaLevel = 'saga' | 'branch';

/** A name that no earlier step has; a step that repeats one does not compile. */
type NewName<Name extends string, Results> = Name extends keyof Results ? never : Name;
/** What the steps of a part of a saga came to, without what was known before. */
type Added<All, Before> = { readonly [Step in Exclude<keyof All, keyof Before>]: All[Step] };
type Resulting<Name extends string, Result> = { readonly [Step in Name]: Result };
type BranchResults<Branch> = Branch extends (part: never) => { readonly yields?: (() => infer R) | undefined }
  ? R
  : never;
type AllOf<Union> = (Union extends unknown ? (value: Union) => void : never) extends (value: infer All) => void
  ? All
  : never;

/** A part of a saga that was built, of which only its results count. */
interface Built<Results> {
  /** Never there: carries the type of the results. */
  readonly yields?: () => Results;
}

/**
 * Builds a saga step by step; every step adds its result to the types of those that follow. In a branch, what concerns the whole saga
 * does not compile; behind the pivot, an undo does not.
 */
export interface SagaBuilder<
  Services,
  Input,
  Results,
  Phase extends SagaPhase = 'compensable',
  Item = undefined,
  Level extends SagaLevel = 'saga',
> extends Built<Results> {
  /** Never there: tell the types apart. */
  readonly phase?: Phase;
  readonly level?: Level;

  /** Shown wherever the saga is listed. */
  description(
    this: WholeSaga<Services, Input, Results, Phase>,
    text: string,
  ): WholeSaga<Services, Input, Results, Phase>;
  /** How long the whole saga may take; then it turns back and undoes what was done. It does not count behind the pivot. */
  timeout(
    this: WholeSaga<Services, Input, Results, Phase>,
    duration: Duration,
  ): WholeSaga<Services, Input, Results, Phase>;
  /**
   * What happens when an undo fails for good: `park` (default) stops there, `continue` undoes the rest first. In both cases the saga
   * waits for a person as `COMPENSATION_FAILED`.
   */
  onCompensationFailure(
    this: WholeSaga<Services, Input, Results, Phase>,
    policy: 'park' | 'continue',
  ): WholeSaga<Services, Input, Results, Phase>;
  /** Starts a saga for an event, once for each id; `undefined` starts none. */
  startOn<Event extends AnyEvent>(
    this: WholeSaga<Services, Input, Results, Phase>,
    event: Event,
    start: (event: RecordedEventOf<Event>) => { id: string; input: Input } | undefined,
  ): WholeSaga<Services, Input, Results, Phase>;

  /** Adds a step. */
  step<const Name extends string, Result>(
    name: NewName<Name, Results> & Name,
    options: Phase extends 'compensable'
      ? StepOptions<Services, Input, Results, Result, Item>
      : CommittedStepOptions<Services, Input, Results, Result, Item>,
  ): SagaBuilder<Services, Input, Results & Resulting<Name, Result>, Phase, Item, Level>;
  /**
   * Adds a step that works on the store: the events and commands that it answers are committed together with its result, all or
   * nothing, so that its effect happens exactly once. No transaction is held while it runs.
   */
  txStep<const Name extends string, Result>(
    name: NewName<Name, Results> & Name,
    options: Phase extends 'compensable'
      ? TxStepOptions<Services, Input, Results, Result, Item>
      : CommittedTxStepOptions<Services, Input, Results, Result, Item>,
  ): SagaBuilder<Services, Input, Results & Resulting<Name, Result>, Phase, Item, Level>;
  /**
   * Adds the step that decides: once it has completed, the saga does not turn back any more. A step behind it that fails for good waits
   * for a person. When it is in doubt whether the pivot itself had its effect, it waits for one as well.
   */
  pivot<const Name extends string, Result>(
    this: WholeSaga<Services, Input, Results, 'compensable'>,
    name: NewName<Name, Results> & Name,
    options: PivotOptions<Services, Input, Results, Result>,
  ): WholeSaga<Services, Input, Results & Resulting<Name, Result>, 'committed'>;

  /** Pauses, for a length of time or until a time; a restart changes nothing about it. */
  sleep<const Name extends string>(
    name: NewName<Name, Results> & Name,
    howLong: SleepOptions<Input, Results, Item>,
  ): SagaBuilder<Services, Input, Results & Resulting<Name, null>, Phase, Item, Level>;
  /** Asks again and again until a condition of the world holds; the saga turns back when it does not in time. */
  until<const Name extends string>(
    name: NewName<Name, Results> & Name,
    options: UntilOptions<Services, Input, Results, Item>,
  ): SagaBuilder<Services, Input, Results & Resulting<Name, null>, Phase, Item, Level>;
  /**
   * Waits for an event; its data is the result. The log is the buffer: an event that was there before the saga waited, or shortly before
   * it was started, is found as well. A saga finds no event twice.
   */
  waitFor<const Name extends string, Event extends AnyEvent>(
    name: NewName<Name, Results> & Name,
    options: WaitOptions<Event, Input, Results, Item> & { readonly onTimeout: 'continue' },
  ): SagaBuilder<Services, Input, Results & Resulting<Name, JsonSafe<DataOf<Event>> | null>, Phase, Item, Level>;
  waitFor<const Name extends string, Event extends AnyEvent>(
    name: NewName<Name, Results> & Name,
    options: WaitOptions<Event, Input, Results, Item>,
  ): SagaBuilder<Services, Input, Results & Resulting<Name, JsonSafe<DataOf<Event>>>, Phase, Item, Level>;

  /** Makes some steps only under a condition, which is decided once; their results are optional from here on. */
  when<More>(
    condition: (scope: ScopeSoFar<Input, Results, Item>) => boolean,
    body: (part: SagaBuilder<Services, Input, Results, Phase, Item, 'branch'>) => Built<More>,
  ): SagaBuilder<Services, Input, Results & Partial<Added<More, Results>>, Phase, Item, Level>;
  /**
   * Makes several sequences of steps beside one another, and goes on when all of them are done. When one fails, the others end what they
   * are at, and everything is undone in the reverse order of completion.
   */
  parallel<
    const Branches extends Readonly<
      Record<string, (part: SagaBuilder<Services, Input, Results, Phase, Item, 'branch'>) => Built<object>>
    >,
  >(
    branches: Branches,
  ): SagaBuilder<Services, Input, Results & AllOf<BranchResults<Branches[keyof Branches]>>, Phase, Item, Level>;
  /**
   * Makes the same steps for each of some items, which are decided once. The result is that of each item by its key; the idempotency
   * keys of the steps hold the key of the item.
   */
  forEach<const Name extends string, Each, More>(
    name: NewName<Name, Results> & Name,
    options: ForEachOptions<Input, Results, Item, Each>,
    body: (part: SagaBuilder<Services, Input, Results, Phase, Each, 'branch'>) => Built<More>,
  ): SagaBuilder<
    Services,
    Input,
    Results & Resulting<Name, Readonly<Record<string, Added<More, Results>>>>,
    Phase,
    Item,
    Level
  >;
  /** Makes the same steps again and again until a condition on their results holds. The result is that of each round, in order. */
  loop<const Name extends string, More>(
    name: NewName<Name, Results> & Name,
    body: (part: SagaBuilder<Services, Input, Results, Phase, Item, 'branch'>) => Built<More>,
    options: LoopOptions<Input, Results, Item, Added<More, Results>>,
  ): SagaBuilder<Services, Input, Results & Resulting<Name, readonly Added<More, Results>[]>, Phase, Item, Level>;

  /** Says what the end of the saga means to the rest of the system; it is committed together with that end. */
  onEnd(
    this: WholeSaga<Services, Input, Results, Phase>,
    commands: OnEnd<Input, Results>,
  ): WholeSaga<Services, Input, Results, Phase>;
  /** Checks the whole and gives the saga. Throws `INVALID_DEFINITION` with the reason. */
  build(this: WholeSaga<Services, Input, Results, Phase>): Saga<Services>;
}

/** A builder of a whole saga, not of a part of one. */
type WholeSaga<Services, Input, Results, Phase extends SagaPhase> = SagaBuilder<
  Services,
  Input,
  Results,
  Phase,
  undefined,
  'saga'
>;

/**
 * Begins the definition of a saga: steps that run one after another, each with its undo. A running saga keeps the version
 * that it was started with.
 *
 * @example
 * const fulfilment = defineSaga<Services>('fulfilment', 1)
 *   .input(z.object({ orderId: z.string() }))
 *   .startOn(OrderPlaced, event => ({ id: event.data.orderId, input: event.data }))
 *   .step('reserve', {
 *     run: ({ input, services, context }) => services.stock.reserve(input.orderId, context.idempotencyKey),
 *     compensate: ({ input, services, context }) => services.stock.release(input.orderId, context.idempotencyKey),
 *   })
 *   .build();
 */
export function defineSaga<Services = undefined>(
  type: string,
  version: number,
): {
  input<Schema extends StandardSchemaV1>(
    schema: Schema,
  ): SagaBuilder<Services, StandardSchemaV1.InferOutput<Schema>, object>;
} {
  checkedName(type, 'The type of a saga');
  if (type.includes(':')) throw invalid(type, 'has a colon in its name, which separates a type from an id');
  if (!Number.isSafeInteger(version) || version < 1) {
    throw invalid(type, `has version ${version}; versions are whole numbers from 1`);
  }
  return {
    input: <Schema extends StandardSchemaV1>(schema: Schema) =>
      builder({
        kind: 'saga',
        type,
        version,
        description: '',
        input: schema,
        timeoutMs: undefined,
        triggers: [],
        graph: graphOf([]),
        onCompensationFailure: 'park',
        onEnd: {},
      }) as unknown as SagaBuilder<Services, StandardSchemaV1.InferOutput<Schema>, object>,
  };
}

/** Every method by its name; the types are those of `SagaBuilder`, and stand there alone. */
type Untyped = { [Method in Exclude<keyof SagaBuilder<never, never, never>, 'phase' | 'level' | 'yields'>]: unknown };
type Body = (part: unknown) => MadeOf;

/** What a builder has made so far. */
const made = Symbol('nodes');
interface MadeOf {
  readonly [made]: readonly SagaNode[];
}

/** Where in a saga a builder adds steps. */
interface Place {
  readonly isCommitted: boolean;
  /** What the names of conditions begin with, so that each is of its own in the whole saga. */
  readonly path: string;
}

function builder(saga: Saga, place: Place = { isCommitted: false, path: 'when ' }): Untyped & MadeOf {
  const { type, graph } = saga;
  const isCommitted = place.isCommitted || graph.pivot !== undefined;
  const next = (change: Partial<Saga>) => builder({ ...saga, ...change }, place);
  const add = (node: SagaNode) => next({ graph: graphOf([...graph.nodes, node]) });
  const own = `${place.path}${graph.nodes.length + 1}`;
  /** The nodes of a part, which is built like a saga of its own. */
  const part = (body: Body, name = '') =>
    body(builder({ ...saga, graph: graphOf([]) }, { isCommitted, path: `${own}.${name}` }))[made];
  return {
    [made]: graph.nodes,
    description: (text: string) => next({ description: text }),
    timeout: (duration: Duration) => next({ timeoutMs: milliseconds(duration, `The timeout of saga ${type}`) }),
    onCompensationFailure: (policy: 'park' | 'continue') => next({ onCompensationFailure: policy }),
    startOn: (event: AnyEvent, start: (event: RecordedEvent) => ReturnType<SagaTrigger['start']>) => {
      if (saga.triggers.some(trigger => trigger.event.type === event.type)) {
        throw invalid(type, `has two startOn for ${event.type}; decide in one of them`);
      }
      return next({ triggers: [...saga.triggers, { event, start }] });
    },
    step: (name: string, options: unknown) => add(stepNode(type, name, options, { does: 'run', isCommitted })),
    txStep: (name: string, options: unknown) => add(stepNode(type, name, options, { does: 'transact', isCommitted })),
    pivot: (name: string, options: unknown) =>
      add(stepNode(type, name, options, { does: 'run', isCommitted: false, isPivot: true })),
    sleep: (name: string, howLong: unknown) => add(sleepNode(type, name, howLong)),
    until: (name: string, options: unknown) =>
      add(stepNode(type, name, options, { does: 'run', isCommitted, isUntil: true })),
    waitFor: (name: string, options: unknown) => add(waitNode(type, name, options)),
    when: (condition: (scope: unknown) => boolean, body: Body) =>
      add({ kind: 'when', name: own, condition, body: part(body) }),
    parallel: (branches: Readonly<Record<string, Body>>) =>
      add({ kind: 'parallel', branches: Object.entries(branches).map(([name, body]) => part(body, `${name} `)) }),
    forEach: (name: string, options: unknown, body: Body) => add(forEachNode(type, name, options, part(body))),
    loop: (name: string, body: Body, options: unknown) => add(loopNode(type, name, options, part(body))),
    onEnd: (commands: Saga['onEnd']) => next({ onEnd: commands }),
    build: () => withChecked(saga),
  };
}
