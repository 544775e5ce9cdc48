import type { ComponentChildren } from 'preact';

interface StatTileParts {
  readonly label: string;
  readonly value: string;
  readonly unit?: string;
  readonly detail: ComponentChildren;
  /** Drawn beside the value. */
  readonly picture?: ComponentChildren;
  readonly tone?: 'bad' | 'warn';
  /** Names the tile for tests. */
  readonly name: string;
}

/** One figure that says how things are. */
export function StatTile({ label, value, unit, detail, picture, tone, name }: StatTileParts) {
  return (
    <div class={`tile ${tone === undefined ? '' : `tile-${tone}`}`} data-tile={name}>
      <dt>{label}</dt>
      <dd>
        <span class="tile-figure">
          <span class="tile-value" data-value={name}>
            {value}
          </span>
          {unit !== undefined && <span class="tile-unit">{unit}</span>}
        </span>
        {picture}
        <span class="tile-detail">{detail}</span>
      </dd>
    </div>
  );
}
