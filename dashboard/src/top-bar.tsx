import { ConnectionChip } from './connection-chip.tsx';
import { hrefOf, route } from './route.ts';
import { SagaSearch } from './saga-search.tsx';
import { ThemeButton } from './theme-button.tsx';

/** What every view has above it: where one can go, and whether what is shown is live. */
export function TopBar() {
  const { view } = route.value;
  return (
    <header class="top-bar">
      <div class="top-bar-inside">
        <a class="brand" href={hrefOf({ view: 'overview' })} aria-label="Millrace, overview">
          <BrandMark />
          <span>Millrace</span>
        </a>
        <nav aria-label="Views">
          <a href={hrefOf({ view: 'overview' })} aria-current={view === 'overview' ? 'page' : undefined}>
            Overview
          </a>
          <a
            href={hrefOf({ view: 'sagas', type: undefined, status: undefined })}
            aria-current={view === 'overview' ? undefined : 'page'}
          >
            Sagas
          </a>
        </nav>
        <SagaSearch />
        <ConnectionChip />
        <ThemeButton />
      </div>
    </header>
  );
}

function BrandMark() {
  return (
    <svg class="brand-mark" width="22" height="22" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M7 10l5 6-5 6M14 10l5 6-5 6" opacity="0.55" />
      <path d="M21 10l5 6-5 6" />
    </svg>
  );
}
