/** A data key as the store keeps it: wrapped while it is in use; of a destroyed one, that it was there. */
export interface KeyRow {
  /** `forgetting`: destroyed, and perhaps not yet erased from the files. */
  readonly state: 'active' | 'forgetting' | 'forgotten';
  /** Name of the key-encryption key that wraps it. */
  readonly kek?: string;
  /** Base64. */
  readonly key?: string;
  /** When it was destroyed, in milliseconds since 1970 UTC. */
  readonly at?: number;
  readonly hadKey?: boolean;
}

/** Why a subject is forgotten, for those who audit it; give nothing that says who it was. */
export interface ForgetReason {
  readonly reason?: string;
  /** Who asked for it. */
  readonly userId?: string;
}

/** What happens to a key, as its stream tells it. */
export type KeyEvent =
  | {
      readonly type: 'DataKeyCreated' | 'DataKeyRewrapped';
      readonly data: { readonly key: string; readonly kek: string };
    }
  | { readonly type: 'SubjectForgotten'; readonly data: { readonly key: string; readonly reason?: string } }
  | { readonly type: 'DataKeyErased'; readonly data: { readonly key: string } };

/** The stream of a key. */
export function keyStream(id: string): string {
  return `$key-${id}`;
}
