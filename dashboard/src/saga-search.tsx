import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ApiProblem, fetchJson } from './api.ts';
import type { SagaDetail } from './api-shapes.ts';
import { Icon } from './icon.tsx';
import { frame } from './live-feed.ts';
import { goTo } from './route.ts';

/** Opens a saga by its id, whatever its type is. */
export function SagaSearch() {
  const input = useRef<HTMLInputElement>(null);
  const problem = useSignal<string | undefined>(undefined);
  useEffect(() => {
    addEventListener('keydown', focusOnSlash);
    return () => removeEventListener('keydown', focusOnSlash);
    function focusOnSlash(event: KeyboardEvent): void {
      const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    }
  }, []);

  async function open(event: Event): Promise<void> {
    event.preventDefault();
    const id = input.current?.value.trim() ?? '';
    if (id === '') return;
    problem.value = undefined;
    try {
      const type = await typeOfSaga(id);
      if (type === undefined) problem.value = `No saga has the id ${id}. Ids are matched as a whole.`;
      else {
        goTo({ view: 'saga', type, id });
        input.current?.blur();
      }
    } catch (thrown) {
      problem.value = thrown instanceof ApiProblem ? `${thrown.code}: ${thrown.message}` : String(thrown);
    }
  }

  return (
    <search class="search">
      <form onSubmit={open}>
        <Icon name="search" />
        <input
          ref={input}
          type="search"
          name="saga"
          placeholder="Open a saga by id"
          aria-label="Open a saga by id"
          autocomplete="off"
          spellcheck={false}
          onInput={() => {
            problem.value = undefined;
          }}
        />
        <kbd>/</kbd>
      </form>
      {problem.value !== undefined && (
        <p class="search-problem" role="alert">
          {problem.value}
        </p>
      )}
    </search>
  );
}

/** The first type of saga that has an instance with this id. */
async function typeOfSaga(id: string): Promise<string | undefined> {
  for (const type of Object.keys(frame.value?.sagas ?? {})) {
    try {
      await fetchJson<SagaDetail>(`sagas/${encodeURIComponent(type)}/${encodeURIComponent(id)}`);
      return type;
    } catch (thrown) {
      if (!(thrown instanceof ApiProblem && thrown.status === 404)) throw thrown;
    }
  }
  return undefined;
}
