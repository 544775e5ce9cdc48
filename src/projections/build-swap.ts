import { MillraceError, sleep } from '../core/index.ts';
import type { Environment } from '../processing/index.ts';
import type { CursorLease } from '../storage/index.ts';
import { type Build, buildName, processorOf, sameBuild } from './build.ts';
import type { BuildRunner } from './build-runner.ts';
import type { Deployment } from './deployment.ts';
import type { DeploymentLedger } from './deployment-ledger.ts';

/** What a swap needs of those who run builds. */
export interface SwapSurroundings {
  readonly environment: Environment;
  readonly ledger: DeploymentLedger;
  /** What runs a build here; undefined when this app does not define its version. */
  runner(name: string, build: Build): BuildRunner | undefined;
  /** Ends a build here, and keeps it from being run again. */
  hold(name: string, build: Build): Promise<void>;
  /** Lets all builds of a read model be run again. */
  letGo(name: string): Promise<void>;
}

/** How long the old build is given to come to where the new one is. */
const MEET_MS = 5_000;
/** How long builds are held elsewhere at most; who swaps has either done it by then, or ended. */
const HOLD_MS = 30_000;
const RETRY_MS = 50;
const LEASE_MS = 10_000;

/**
 * Makes another build the one that queries read, at equal checkpoints: the old one is held where it is, the new one is brought to just there,
 * and one commit asserts the cursors of both and moves the pointer. Readers see the one or the other, both whole and of one position.
 * Throws `PROJECTION_NOT_READY` when there is no such build, or it cannot be brought there.
 */
export async function swapBuilds(
  name: string,
  to: 'next' | 'previous',
  surroundings: SwapSurroundings,
): Promise<Deployment> {
  const { ledger } = surroundings;
  await ledger.refresh();
  const before = ledger.all.get(name);
  const target = before?.[to];
  if (before === undefined || target === null || target === undefined) throw notReady(name, missing(to));
  try {
    await askOthers(name, surroundings);
    await meet(name, before.live, target, surroundings);
    const leases = await holdBoth(name, [before.live, target], surroundings.environment);
    try {
      const moved = await ledger.change(name, current => {
        if (current === undefined || !sameBuild(current.live, before.live) || !sameBuild(current[to], target)) {
          throw notReady(name, 'its builds were changed meanwhile');
        }
        return { deployment: swapped(current, to), with: { cursors: leases.map(asserted) } };
      });
      return moved as Deployment;
    } finally {
      const { cursors } = surroundings.environment.storage;
      for (const lease of leases) await cursors.release(lease).catch(() => undefined);
    }
  } finally {
    await surroundings.letGo(name);
  }
}

/** Has other processes give the cursors of the builds back; they do when they look next. */
async function askOthers(name: string, { environment, ledger }: SwapSurroundings): Promise<void> {
  if (!environment.storage.capabilities.shared) return;
  const heldUntil = environment.clock.now() + HOLD_MS;
  await ledger.change(name, current => current && { deployment: { ...current, heldUntil } });
}

/** Brings both builds to one position: the new one waits until the old one is there, then follows it to where that was held. */
async function meet(name: string, live: Build, target: Build, surroundings: SwapSurroundings): Promise<void> {
  const next = surroundings.runner(name, target);
  const old = surroundings.runner(name, live);
  if (next === undefined) throw notReady(name, `this app does not define version ${target.version}`);
  if (next.failure !== undefined) throw notReady(name, `build ${buildName(target)} has failed`);
  await surroundings.hold(name, target);
  await next.look();
  if (old !== undefined) await old.reached(next.position, MEET_MS);
  await surroundings.hold(name, live);
  const position = Math.max(next.position, (await old?.look()) ?? (await checkpointOf(name, live, surroundings)));
  for (const runner of old === undefined ? [next] : [old, next]) {
    if (await runner.runTo(position)) continue;
    throw notReady(name, `build ${buildName(runner.build)} could not be brought to position ${position}`);
  }
}

async function checkpointOf(name: string, build: Build, { environment }: SwapSurroundings): Promise<number> {
  const [cursor] = await environment.storage.cursors.read(processorOf(name, build));
  return Number(cursor?.checkpoint ?? 0);
}

async function holdBoth(name: string, builds: readonly Build[], environment: Environment): Promise<CursorLease[]> {
  const { storage, clock, owner } = environment;
  const until = clock.monotonic() + HOLD_MS;
  const leases: CursorLease[] = [];
  for (const build of builds) {
    const request = { processor: processorOf(name, build), partitions: [0], owner, leaseMs: LEASE_MS };
    let [lease] = await storage.cursors.acquire(request);
    while (lease === undefined && clock.monotonic() < until) {
      await sleep(clock, RETRY_MS);
      [lease] = await storage.cursors.acquire(request);
    }
    if (lease === undefined) throw notReady(name, `another process runs build ${buildName(build)}`);
    leases.push(lease);
  }
  return leases;
}

/** A move that changes nothing, and makes the batch depend on the cursor being where it is. */
function asserted({ processor, partition, fence, checkpoint }: CursorLease) {
  return { processor, partition, fence, from: checkpoint, to: checkpoint ?? '0' };
}

function swapped(deployment: Deployment, to: 'next' | 'previous'): Deployment {
  const live = deployment[to] as Build;
  const next = to === 'next' ? null : deployment.next;
  return { ...deployment, live, next, previous: deployment.live, heldUntil: null };
}

function missing(to: 'next' | 'previous'): string {
  return to === 'next' ? 'nothing is built beside the live one: rebuild it first' : 'no earlier build is kept';
}

function notReady(name: string, why: string): MillraceError {
  return new MillraceError('PROJECTION_NOT_READY', `The builds of ${name} cannot be swapped: ${why}.`, {
    details: { projection: name },
  });
}
