import { buildNative, isNative, type NativeBuild, type NativeVariant } from "./native-build.js";
import { NativeProcess } from "./native-process.js";
import type { BenchOptions } from "./options.js";
import type { Output } from "./output.js";

/** The native twins that could be built, and a process that runs them. */
export interface Twins {
  readonly process: NativeProcess;
  readonly variants: readonly NativeVariant[];
}

/** Compiles the twins and warns where they can't be; null where no contender needs them. */
export function buildTwins({ contenders }: BenchOptions, output: Output): NativeBuild | null {
  if (!contenders.some(isNative)) return null;
  const build = buildNative();
  if (build.state === "missing") output.warn(`the twins in C are missing: ${build.reason}`);
  return build;
}

/** Starts a process for one map. */
export function startTwins(build: NativeBuild | null, options: { readonly hugePages?: boolean } = {}): Twins | null {
  if (build?.state !== "built") return null;
  return { process: new NativeProcess(build.program, options), variants: build.variants };
}

export function describeTwins(build: NativeBuild | null, { hugePages }: Pick<BenchOptions, "hugePages">): string {
  if (build === null) return "not asked for";
  if (build.state === "missing") return `missing: ${build.reason}`;
  const simd = build.variants.includes("native-simd") ? "-O3 -march=native" : "missing: no -march=native";
  return `${build.compiler}; native -O2, native-simd ${simd}${hugePages ? "; their slots in 2 MiB pages" : ""}`;
}
