import { apiUrl } from './api-url.ts';

/** Why the server did not answer what was asked: problem details, or the lack of any answer. */
export class ApiProblem extends Error {
  readonly code: string;
  readonly status: number;
  /** What to do about it. */
  readonly hint: string;

  /** `status` 0: there was no answer. */
  constructor(code: string, status: number, message: string, hint: string) {
    super(message);
    this.code = code;
    this.status = status;
    this.hint = hint;
  }
}

/** Asks the server. Throws `ApiProblem`. */
export async function fetchJson<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  let response: Response;
  try {
    const cancel = signal === undefined ? {} : { signal };
    response = await fetch(apiUrl(path), { headers: { accept: 'application/json' }, ...cancel });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiProblem('UNREACHABLE', 0, 'The server does not answer.', 'Check that it runs; the page tries again.');
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body as Answer;
  const { code, detail, hint } = (body ?? {}) as { code?: string; detail?: string; hint?: string };
  throw new ApiProblem(
    code ?? `HTTP_${response.status}`,
    response.status,
    detail ?? `The server answered ${response.status} ${response.statusText}.`,
    hint ?? 'Look into the log of the server.',
  );
}
