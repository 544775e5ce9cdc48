import { appendBatches } from '../append-batches.ts';
import { appendHttp } from '../append-http.ts';
import { appendManyCallers } from '../append-many-callers.ts';
import { appendOneCaller } from '../append-one-caller.ts';
import { catchUp } from '../catch-up.ts';
import { demo } from '../demo.ts';
import { postgresAppendManyCallers, postgresAppendOneCaller } from '../postgres-append.ts';
import { postgresAppendPeer } from '../postgres-peer.ts';
import { postgresCatchUp, postgresReadStreams } from '../postgres-read.ts';
import { projection } from '../projection.ts';
import { readStreams } from '../read-streams.ts';
import { readYourWrite } from '../read-your-write.ts';
import { postgresReplay, replay } from '../replay.ts';
import { sagas } from '../sagas.ts';
import { topology } from '../topology.ts';
import type { Benchmark } from './benchmark.ts';

/** All benchmarks, in the order in which they are run. */
export const benchmarks: readonly Benchmark[] = [
  appendOneCaller,
  appendManyCallers,
  appendBatches,
  appendHttp,
  readStreams,
  catchUp,
  replay,
  projection,
  sagas,
  topology,
  readYourWrite,
  postgresAppendOneCaller,
  postgresAppendManyCallers,
  postgresAppendPeer,
  postgresReadStreams,
  postgresCatchUp,
  postgresReplay,
  demo,
];
