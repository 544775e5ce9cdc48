import { createMillrace, type DataOf, defineEvent, isMillraceError, systemClock } from 'millrace';
import { openSqlite, type SqliteOptions } from 'millrace/sqlite';
import type { Storage } from 'millrace/storage';
import { createTestEnvironment, VirtualClock } from 'millrace/testing';
import { z } from 'zod';

/*
 * A program of somebody who installed the package. The package test compiles and runs it far away from this repository;
 * it prints what it saw as one line of JSON.
 */

const OrderPlaced = defineEvent('OrderPlaced', { schema: z.object({ cents: z.number().int() }) });
type Placed = DataOf<typeof OrderPlaced>;

// Each of these would compile if the declarations lost a type on their way into the package.
// @ts-expect-error cents is a number
export const wrongData: Placed = { cents: 'many' };
// @ts-expect-error there is no such option
export const wrongOptions: SqliteOptions = { file: ':memory:', clock: new VirtualClock(), colour: 'blue' };

const storage: Storage = await openSqlite({ file: ':memory:', clock: systemClock });
const app = await createMillrace({ store: storage });
const { revision, position } = await app.append('order-1', [OrderPlaced({ cents: 1250 }), OrderPlaced({ cents: 5 })]);
const conflict: unknown = await app
  .append('order-1', [OrderPlaced({ cents: 1 })], { expected: 'noStream' })
  .catch(e => e);
const refused = isMillraceError(conflict) ? conflict.code : 'nothing';
await app.close();
await storage.close();

const environment = await createTestEnvironment({ definitions: [OrderPlaced] });
await environment.storage.close();

console.log(JSON.stringify({ revision, position, refused }));
