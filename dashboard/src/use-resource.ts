import { useEffect, useState } from 'preact/hooks';
import { ApiProblem, fetchJson } from './api.ts';

/** Something asked of the server. The last answer stays while a newer one is fetched, and when that fails. */
export interface Resource<Answer> {
  readonly answer: Answer | undefined;
  readonly problem: ApiProblem | undefined;
}

const NOTHING = { answer: undefined, problem: undefined };
const TRY_AGAIN_MS = 3_000;
/** Answers are asked for anew at most this often, however fast their version changes. */
const REFRESH_MS = 1_000;

/** Asks for one path; see `useResources`. Nothing is asked while it is undefined. */
export function useResource<Answer>(path: string | undefined, version: unknown): Resource<Answer> {
  const { answer, problem } = useResources<Answer>(path === undefined ? [] : [path], version);
  return { answer: answer?.[0], problem };
}

/**
 * Asks for some paths, again whenever `version` changes, and after failures that may pass. There is an answer once
 * there is one for each.
 */
export function useResources<Answer>(paths: readonly string[], version: unknown): Resource<readonly Answer[]> {
  const path = paths.join('\n');
  const [state, setState] = useState<{ path: string; at: number; resource: Resource<readonly Answer[]> }>({
    path: '',
    at: 0,
    resource: NOTHING,
  });
  const [tries, setTries] = useState(0);
  useEffect(() => {
    if (paths.length === 0) return;
    const controller = new AbortController();
    const wait = state.path === path ? Math.max(0, state.at + REFRESH_MS - Date.now()) : 0;
    let timer = window.setTimeout(async () => {
      try {
        const answer = await Promise.all(paths.map(each => fetchJson<Answer>(each, controller.signal)));
        setState({ path, at: Date.now(), resource: { answer, problem: undefined } });
      } catch (thrown) {
        if (controller.signal.aborted) return;
        const problem = thrown instanceof ApiProblem ? thrown : new ApiProblem('INTERNAL', 0, String(thrown), '');
        setState(({ path: before, resource }) => ({
          path,
          at: Date.now(),
          resource: { answer: before === path ? resource.answer : undefined, problem },
        }));
        if (problem.status === 0 || problem.status >= 500) {
          timer = window.setTimeout(() => setTries(count => count + 1), TRY_AGAIN_MS);
        }
      }
    }, wait);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [path, version, tries]);
  return state.path === path ? state.resource : NOTHING;
}
