import { VmemmapError } from "../errors.js";
import type { Build } from "../types.js";
import type { CoreConstant, CoreExports } from "./generated/core.js";
import { scalar, simd } from "./generated/modules.js";

/** The build for shared memory is added by who asks for threads. */
const sources: Partial<Record<Build, string>> = { simd, scalar };
const modules = new Map<Build, WebAssembly.Module>();

function bytesOf(build: Build): Uint8Array<ArrayBuffer> {
  const text = atob(sources[build] ?? "");
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** Add a build that is not loaded with the package. Whether this host runs it. */
export function provideBuild(build: Build, base64: string): boolean {
  sources[build] = base64;
  return WebAssembly.validate(bytesOf(build));
}

let best: Build | undefined;

/** The build this host runs best. */
export function bestBuild(): Build {
  best ??= WebAssembly.validate(bytesOf("simd")) ? "simd" : "scalar";
  return best;
}

export function moduleOf(build: Build): WebAssembly.Module {
  let module = modules.get(build);
  if (module === undefined) {
    if (!Object.hasOwn(sources, build)) {
      throw new VmemmapError("bad-argument", `build ${JSON.stringify(build)}: expected "simd" or "scalar"`);
    }
    module = new WebAssembly.Module(bytesOf(build));
    modules.set(build, module);
  }
  return module;
}

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): WebAssembly.Exports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports;
}

/** The functions of a core that works over `memory`. All state is in the memory, so cores may be swapped over it. */
export function loadCore(module: WebAssembly.Module, memory: WebAssembly.Memory): CoreExports {
  return instantiate(module, memory) as unknown as CoreExports;
}

let probe: WebAssembly.Exports | undefined;

/** A constant of the core, by its exported name: `"Word.SLOTS"`, `"SECTION_TABLE"`. */
export function constant(name: CoreConstant): number {
  probe ??= instantiate(moduleOf(bestBuild()), new WebAssembly.Memory({ initial: 1 }));
  return Number((probe[name] as WebAssembly.Global).value) >>> 0;
}
