import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
export const collectGarbage = runInNewContext('gc') as () => void;

/**
 * Bytes that this process still refers to: its heap, buffers and WebAssembly after a collection. The resident set also
 * counts garbage and pages that the allocator keeps, which depend on the machine and on the tests before.
 */
export function liveMemory(): number {
  // The first collection frees buffers in the background, the second waits for that.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
