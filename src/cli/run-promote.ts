import { promoteStore } from '../index.ts';
import { EXIT } from './exit-code.ts';
import type { Output } from './output.ts';

/** Promotes a secondary; answers the exit code. */
export async function runPromote(store: string, output: Output): Promise<number> {
  const promoted = await promoteStore(store);
  const { epoch, position } = promoted;
  output.result(promoted, () => [`${store} is a primary now: epoch ${epoch}, last position ${position}`]);
  return EXIT.ok;
}
