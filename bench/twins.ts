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
  if (build.state === "missing") output.warn(`native and native-simd are missing: ${build.reason}`);
  return build;
}

/** Starts a process for one map. */
export function startTwins(build: NativeBuild | null): Twins | null {
  return build?.state === "built" ? { process: new NativeProcess(build.program), variants: build.variants } : null;
}

export function describeTwins(build: NativeBuild | null): string {
  if (build === null) return "not asked for";
  if (build.state === "missing") return `missing: ${build.reason}`;
  const simd = build.variants.includes("native-simd") ? "-O3 -march=native" : "missing: no -march=native";
  return `${build.compiler}; native -O2, native-simd ${simd}`;
}
