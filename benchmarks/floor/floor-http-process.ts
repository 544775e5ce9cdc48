/* The floor of appending over HTTP: a handler of fastify in front of the floor of appending. */
import Fastify from 'fastify';
import { FloorDatabase } from './floor-database.ts';
import { FloorLog } from './floor-log.ts';

interface Posted {
  readonly type: string;
  readonly data: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
}

const database = new FloorDatabase(process.argv[2] as string);
const log = new FloorLog(database);
const server = Fastify();

server.post<{ Params: { stream: string }; Body: Posted[] }>('/v1/streams/:stream/events', async (request, reply) => {
  const { stream } = request.params;
  const condition = request.headers['if-match'];
  const expected = condition === undefined ? 'noStream' : Number(condition.slice(1, -1));
  const rows = request.body.map(event => log.row(stream, event));
  const position = await database.submit(1 + rows.length, () => {
    log.check(stream, expected);
    return log.write(stream, rows, Date.now());
  });
  const revision = (expected === 'noStream' ? -1 : expected) + rows.length;
  return reply
    .code(201)
    .header('etag', `"${revision}"`)
    .send({ stream, revision, position, ids: rows.map(row => row[1]) });
});

process.send?.(await server.listen({ host: '127.0.0.1', port: 0 }));
process.on('message', async () => {
  await server.close();
  await database.close();
  process.disconnect();
});
