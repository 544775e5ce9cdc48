/** The address of a store as it may be shown: without the password in it. */
export function shownStore(store: string): string {
  return store.replace(/(:\/\/[^:/@]*):[^@]*@/, '$1@');
}
