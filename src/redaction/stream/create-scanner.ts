import type { Scanner } from './json-scanner';
import { PlainScanner } from './plain-scanner';
import { MACHINE_DEPTH, sharedMachine } from './wasm/machine';
import { WasmScanner } from './wasm/wasm-scanner';

export type CreateScanner = (maxDepth: number, maxName: number) => Scanner;

/** The scanner in WebAssembly. If that cannot run, or not so deep, the one in JavaScript, which does the same. */
export function createScanner(maxDepth: number, maxName: number): Scanner {
  const machine = maxDepth <= MACHINE_DEPTH ? sharedMachine() : null;
  return machine === null ? new PlainScanner(maxDepth, maxName) : new WasmScanner(machine, maxDepth, maxName);
}
