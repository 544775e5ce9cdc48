import { connection, frame } from './live-feed.ts';
import { Overview } from './overview.tsx';
import { route } from './route.ts';
import { SagaDetailView } from './saga-detail-view.tsx';
import { SagaListView } from './saga-list-view.tsx';
import { TopBar } from './top-bar.tsx';

/** The whole page: the bar, and the view that the address names. */
export function Page() {
  const { state } = connection.value;
  const stale = frame.value !== null && state === 'waiting';
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
        Skip to content
      </button>
      <TopBar />
      <main id="content" class={`page ${stale ? 'stale' : ''}`} tabIndex={-1}>
        <View />
      </main>
    </>
  );
}

function View() {
  const where = route.value;
  const now = frame.value;
  if (where.view === 'saga')
    return <SagaDetailView key={`${where.type}/${where.id}`} type={where.type} id={where.id} />;
  if (now === null) return <Waiting />;
  if (where.view === 'sagas') return <SagaListView where={where} sagas={now.sagas} />;
  return <Overview frame={now} />;
}

function Waiting() {
  const failed = connection.value.state === 'waiting';
  return (
    <div class="waiting" role="status">
      <h1>{failed ? 'The server does not answer' : 'Connecting …'}</h1>
      <p class="muted">
        {failed
          ? 'Check that it runs and that this address is right. The page tries again by itself.'
          : 'The first figures come within a second.'}
      </p>
    </div>
  );
}
