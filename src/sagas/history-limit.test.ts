import { expect, test } from 'vitest';
import { silentTelemetry } from '../core/index.ts';
import { checkHistory } from './history-limit.ts';
import type { SagaState } from './saga-state.ts';

test('tells the log of a long history at 80 %, and parks the saga at the limit, counted from when a person let it go on', () => {
  const warned: unknown[] = [];
  const logger = { ...silentTelemetry.logger, warn: (fields: unknown) => void warned.push(fields) };
  const at = (revision: number, letOnAt = 0) =>
    checkHistory({ type: 'Trip', id: '1', revision, letOnAt } as SagaState, logger);
  expect(at(7_999)).toBeUndefined();
  expect(warned).toEqual([]);
  expect(at(8_000)).toBeUndefined();
  expect(warned).toEqual([{ saga: 'Trip', sagaId: '1', events: 8_000, limit: 10_000 }]);
  expect(at(10_000)).toMatchObject({ code: 'LIMIT_EXCEEDED', details: { events: 10_001, limit: 10_000 } });
  expect(at(10_500, 10_001)).toBeUndefined();
  expect(at(20_001, 10_001)).toMatchObject({ code: 'LIMIT_EXCEEDED' });
});
