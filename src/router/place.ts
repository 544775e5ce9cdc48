import { MillraceError } from '../core/index.ts';

/** Why a definition of a route is refused: for its pattern, for a destination, or for anything else about it. */
export type RefusalCode = 'INVALID_PATTERN' | 'UNSUPPORTED_DESTINATION' | 'INVALID_DEFINITION';

/** A place in the definition of a route, which every refusal names. */
export class Place {
  readonly route: string;
  /** JSON pointer (RFC 6901) from the root of the definition. */
  readonly pointer: string;

  constructor(route: string, pointer = '') {
    this.route = route;
    this.pointer = pointer;
  }

  /** The place of a member of what is here. */
  at(member: string | number): Place {
    const segment = String(member).replaceAll('~', '~0').replaceAll('/', '~1');
    return new Place(this.route, `${this.pointer}/${segment}`);
  }

  /** The error that refuses what is here. The text says what is wrong, as the end of a sentence, and what to write instead. */
  refusal(code: RefusalCode, what: string): MillraceError {
    return new MillraceError(code, `Route ${this.route} cannot be used: ${this.pointer || 'its definition'} ${what}`, {
      details: { route: this.route, pointer: this.pointer },
    });
  }
}
