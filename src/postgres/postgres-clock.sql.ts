/** The clock of the storage, in milliseconds since 1970 UTC: the server's, at the beginning of the statement. */
export const CLOCK_MS = '(extract(epoch FROM statement_timestamp()) * 1000)::bigint';
