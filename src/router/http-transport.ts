/** A request to a destination. */
export interface HttpRequest {
  readonly method: 'POST';
  readonly url: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Networks beyond the public internet that may be reached, as CIDR blocks. */
  readonly allowNetworks: readonly string[];
}

/** What a destination answered. */
export interface HttpResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The beginning of the body, at most 1 kB; may be left empty for a success. */
  readonly body: string;
}

/**
 * Carries requests to destinations: the one way out over HTTP, so that a simulation can put itself in its place. It never
 * follows redirects.
 */
export interface HttpTransport {
  /**
   * Sends a request and answers once the response has begun. Rejects when there is none, with `DESTINATION_REFUSED` when an
   * address may not be reached, and as soon as the signal aborts.
   */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>;
  /** Ends its connections. */
  close?(): Promise<void>;
}
