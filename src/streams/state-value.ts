/** A value of a store with the event time that it rests on. */
export interface StateValue<Value = unknown> {
  readonly value: Value;
  /** Greatest timestamp of the records that contributed, in milliseconds since 1970 UTC. */
  readonly timestamp: number;
}

/** The text that the storage keeps: `[timestamp, value]`. Throws for a value that has no JSON form. */
export function stateText({ value, timestamp }: StateValue): string {
  const text = JSON.stringify(value);
  if (text === undefined)
    throw new TypeError('The value has no JSON form. Return an object, array, text, number or boolean.');
  return `[${timestamp},${text}]`;
}

/** What a stored text says. */
export function parseStateText<Value>(text: string): StateValue<Value> {
  const [timestamp, value] = JSON.parse(text) as [number, Value];
  return { value, timestamp };
}

/**
 * A result of user code as it may be remembered: frozen, so that code that changes an aggregate instead of returning a new one
 * fails at once. Otherwise records already sent downstream would change behind the caller's back.
 */
export function remembered<Value>(value: Value): Value {
  if (value === undefined) throw new TypeError('The result is undefined. Return a value, or null to delete the entry.');
  return typeof value === 'object' && value !== null ? Object.freeze(value) : value;
}
