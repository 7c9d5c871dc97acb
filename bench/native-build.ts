import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "./package.js";

/** The compilations of the loops. */
export const NATIVE_VARIANTS = {
  native: { suffix: "native", flags: ["-O2"] },
  "native-simd": { suffix: "native_simd", flags: ["-O3", "-march=native"] },
  /** Each lookup waits for the one before: what one takes alone. */
  "native-chain": { suffix: "native_chain", flags: ["-O2", "-DCHAINED"] },
} as const;

export type NativeVariant = keyof typeof NATIVE_VARIANTS;

/** Those that every compiler can make. */
const PLAIN_VARIANTS: readonly NativeVariant[] = ["native", "native-chain"];

export function isNative(contender: string): contender is NativeVariant {
  return contender in NATIVE_VARIANTS;
}

/** A compiled program, or why there is none. */
export type NativeBuild =
  | {
      readonly state: "built";
      readonly program: string;
      readonly compiler: string;
      readonly variants: readonly NativeVariant[];
    }
  | { readonly state: "missing"; readonly reason: string };

/** What is compiled once for each variant, and what once for all of them. */
const LOOPS = ["heads", "index", "fields", "pgmap", "pass"];
const HOST = ["main", "xarray"];
const HEADERS = ["loops", "compound", "xarray"];
const SOURCES = [...[...LOOPS, ...HOST].map((name) => `${name}.c`), ...HEADERS.map((name) => `${name}.h`)];

/** Compiles the native twins, or finds them compiled: the result is kept in the system's folder for temporary files. */
export function buildNative(): NativeBuild {
  const [compiler = "cc", ...ownFlags] = (process.env["CC"] || "cc").split(/\s+/);
  const version = spawnSync(compiler, [...ownFlags, "--version"], { encoding: "utf8" });
  if (version.error !== undefined || version.status !== 0)
    return { state: "missing", reason: `no C compiler (${compiler})` };

  const sources = join(packageRoot(), "bench", "native");
  const name = version.stdout.split("\n")[0]!.trim();
  const hash = createHash("sha256").update(
    [process.arch, cpus()[0]?.model, compiler, ...ownFlags, version.stdout].join("\n"),
  );
  for (const source of SOURCES) hash.update(readFileSync(join(sources, source)));
  const folder = privateFolder(`vmemmap-bench-${hash.digest("hex").slice(0, 16)}`);

  const compile = (flags: readonly string[]): string | null => {
    const { status, stderr } = spawnSync(compiler, [...ownFlags, ...flags], { cwd: sources, encoding: "utf8" });
    return status === 0 ? null : stderr.trim() || `${compiler} failed`;
  };
  return compileInto(folder, name, compile);
}

function compileInto(
  folder: string,
  compiler: string,
  compile: (flags: readonly string[]) => string | null,
): NativeBuild {
  const both = join(folder, "twins");
  const plain = join(folder, "twin");
  if (existsSync(both))
    return { state: "built", program: both, compiler, variants: [...PLAIN_VARIANTS, "native-simd"] };
  if (existsSync(plain)) return { state: "built", program: plain, compiler, variants: PLAIN_VARIANTS };

  const scratch = mkdtempSync(join(folder, "build-"));
  try {
    const object = (loops: string, variant: NativeVariant): string => join(scratch, `${loops}-${variant}.o`);
    const compileLoops = (variant: NativeVariant): string | null => {
      const { suffix, flags } = NATIVE_VARIANTS[variant];
      const failures = LOOPS.map((loops) =>
        compile([...flags, `-DVARIANT=${suffix}`, "-c", `${loops}.c`, "-o", object(loops, variant)]),
      );
      return failures.find((failure) => failure !== null) ?? null;
    };
    const reason = PLAIN_VARIANTS.map(compileLoops).find((failure) => failure !== null);
    if (reason !== undefined) return { state: "missing", reason };
    const variants =
      compileLoops("native-simd") === null ? [...PLAIN_VARIANTS, "native-simd" as const] : PLAIN_VARIANTS;

    const linked = join(scratch, "linked");
    const withSimd = variants.includes("native-simd");
    const failure = compile([
      "-O2",
      ...(withSimd ? ["-DWITH_SIMD"] : []),
      ...HOST.map((name) => `${name}.c`),
      ...variants.flatMap((variant) => LOOPS.map((loops) => object(loops, variant))),
      "-o",
      linked,
    ]);
    if (failure !== null) return { state: "missing", reason: failure };
    const program = withSimd ? both : plain;
    renameSync(linked, program);
    return { state: "built", program, compiler, variants };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** A folder that nobody else can write to: what is in it will be executed. */
function privateFolder(name: string): string {
  const folder = join(tmpdir(), name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const status = lstatSync(folder);
  const isOurs = status.isDirectory() && status.uid === process.getuid?.() && (status.mode & 0o022) === 0;
  return isOurs ? folder : mkdtempSync(`${folder}-`);
}
