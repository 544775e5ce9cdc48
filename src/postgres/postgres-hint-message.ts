/** What commits told of, as it goes from process to process. */
export interface HintMessage {
  /** Groups that appended, each with where the log stood before and after it; neighbours are put together. */
  readonly log: readonly LogStep[];
  readonly queues: readonly string[];
  readonly topics: readonly string[];
}

/** A stretch of the log, and the types of the events in it; null: any. */
export interface LogStep {
  readonly from: number;
  readonly head: number;
  readonly types: readonly string[] | null;
}

/** NOTIFY takes less than 8,000 bytes. */
const MESSAGE_BYTES_MAX = 7_900;
const FORMAT = 1;

/** The texts in which a message is sent, none too long for NOTIFY; `sender` lets a process know its own. */
export function messageTexts(message: HintMessage, sender: string): string[] {
  const text = JSON.stringify([FORMAT, sender, message.log.map(stepTuple), message.queues, message.topics]);
  if (Buffer.byteLength(text) <= MESSAGE_BYTES_MAX) return [text];
  const parts = halves(message);
  // What cannot be split any more is left out: losing a hint costs latency.
  return parts.flatMap(part => messageTexts(part, sender));
}

/** A message of another process; undefined for one's own, and for what is none. */
export function readMessage(text: string, self: string): HintMessage | undefined {
  try {
    const [format, sender, log, queues, topics] = JSON.parse(text) as [
      number,
      string,
      [number, number, string[] | null][],
      string[],
      string[],
    ];
    if (format !== FORMAT || sender === self) return undefined;
    return { log: log.map(([from, head, types]) => ({ from, head, types })), queues, topics };
  } catch {
    return undefined;
  }
}

/** Adds a step to others; one that goes on where the last one ends becomes part of it. */
export function withStep(steps: LogStep[], step: LogStep): void {
  const last = steps.at(-1);
  if (last === undefined || last.head !== step.from || last.types === null || step.types === null) {
    steps.push(step);
    return;
  }
  steps[steps.length - 1] = {
    from: last.from,
    head: step.head,
    types: [...new Set([...last.types, ...step.types])],
  };
}

function stepTuple({ from, head, types }: LogStep): [number, number, readonly string[] | null] {
  return [from, head, types];
}

function halves({ log, queues, topics }: HintMessage): HintMessage[] {
  const nothing = { log: [], queues: [], topics: [] };
  if (log.length + queues.length + topics.length > 1) {
    const cut = <T>(list: readonly T[], at: number): [readonly T[], readonly T[]] => [
      list.slice(0, at),
      list.slice(at),
    ];
    if (log.length > 1) {
      const [one, other] = cut(log, log.length >> 1);
      return [
        { log: one, queues, topics },
        { ...nothing, log: other },
      ];
    }
    if (log.length === 1 && queues.length + topics.length > 0)
      return [
        { ...nothing, log },
        { log: [], queues, topics },
      ];
    if (queues.length > 1) {
      const [one, other] = cut(queues, queues.length >> 1);
      return [
        { ...nothing, queues: one },
        { log: [], queues: other, topics },
      ];
    }
    if (queues.length === 1)
      return [
        { ...nothing, queues },
        { ...nothing, topics },
      ];
    const [one, other] = cut(topics, topics.length >> 1);
    return [
      { ...nothing, topics: one },
      { ...nothing, topics: other },
    ];
  }
  const step = log[0];
  return step === undefined || step.types === null ? [] : [{ ...nothing, log: [{ ...step, types: null }] }];
}
