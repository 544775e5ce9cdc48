import type { ApiProblem } from './api.ts';
import { Icon } from './icon.tsx';

/** Says what the server could not answer: the code, what happened, what to do. */
export function ProblemNote({ problem }: { problem: ApiProblem }) {
  return (
    <div class="note tone-bad" role="alert">
      <Icon name="alert" />
      <div>
        <p class="note-title">
          <code>{problem.code}</code> {problem.message}
        </p>
        {problem.hint !== '' && <p class="note-text">{problem.hint}</p>}
      </div>
    </div>
  );
}
