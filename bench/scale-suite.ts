import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { hostThreads } from "../src/threads/support.js";
import type { Vmemmap } from "../src/vmemmap.js";
import { indexBytes, plainMapOf } from "./engine.js";
import type { Machine } from "./machine.js";
import { isNative, type NativeBuild } from "./native-build.js";
import type { NativeOp } from "./native-process.js";
import { type BenchOptions, formatCount } from "./options.js";
import { type Output, refuseUnwritable } from "./output.js";
import { fillPattern } from "./patterns.js";
import { heading, type SuiteReport } from "./report.js";
import { makeTemplate, median, type ScaleFigures, type ScaleTask, TEMPLATE_SLOTS } from "./scale.js";
import { scalePlot } from "./scale-plot.js";
import { buildTable, isWorkers, lookupsOf, lookupTable, type ScaleResult, type SizeFigures } from "./scale-report.js";
import { buildTwins, describeTwins, startTwins } from "./twins.js";

/** The suite "scale": how maps grow past one memory. The twins in C get their map once the engine's is freed. */
export async function runScale(options: BenchOptions, machine: Machine, output: Output): Promise<SuiteReport> {
  if (options.plot) await refuseUnwritable(options.plot.file);
  const build = buildTwins(options, output);
  const compiler = describeTwins(build, options);
  const { lookups, rounds, seed } = options;
  const sampled = `lists of ${formatCount(lookups)} PFNs, seed ${seed}, medians of ${rounds} whole lists, each contender alone`;
  output.print(heading(machine, options, compiler, ["lookups", sampled]));
  const sizes: SizeFigures[] = [];
  const results: ScaleResult[] = [];
  for (let slots = TEMPLATE_SLOTS; slots <= options.slots; slots *= 2) {
    output.progress(`${formatCount(slots)} slots: on one thread`);
    const one = await inChild({ ...options, slots, threads: 1 });
    output.progress(`${formatCount(slots)} slots: on workers`);
    const workers = await inChild({ ...options, slots, threads: Math.max(2, await hostThreads()) });
    output.progress(`${formatCount(slots)} slots: in C`);
    const native = await nativeResults(slots, build, options);
    sizes.push({ slots, one, workers });
    const wished = lookupsOf(slots, one, workers).filter(
      ({ contender }) => isWorkers(contender) || options.contenders.includes(contender),
    );
    results.push(...wished, ...native);
  }
  output.print(`\n${buildTable(sizes)}`);
  for (const pattern of options.patterns) output.print(`\n${lookupTable(pattern, results, sizes)}`);
  if (options.plot) {
    const { file, pattern } = options.plot;
    const shown = results.filter((result) => result.pattern === pattern);
    await writeFile(file, scalePlot(shown, { machine, compiler, seed }));
    output.print(`\nThe picture is in ${file}.\n`);
  }
  const builds = sizes.flatMap(({ slots, one, workers }) =>
    [one, workers].map(({ build: figures, routing }) => ({ op: "build", slots, ...figures, routing })),
  );
  return {
    results: [...results, ...builds],
    compiler: build === null ? null : compiler,
    map: { mask: `copies of a synthetic map of ${formatCount(TEMPLATE_SLOTS)} slots` },
  };
}

/** Measures the engine in a process of its own. */
async function inChild({ slots, threads, patterns, lookups, rounds, seed }: ScaleTask): Promise<ScaleFigures> {
  const task: ScaleTask = { slots, threads, patterns, lookups, rounds, seed };
  const script = fileURLToPath(new URL("./scale-child.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(task)]);
  return JSON.parse(stdout) as ScaleFigures;
}

async function nativeResults(slots: number, build: NativeBuild | null, options: BenchOptions): Promise<ScaleResult[]> {
  const twins = startTwins(build, options);
  if (twins === null) return [];
  const { lookups, rounds, seed, patterns } = options;
  const { process } = twins;
  const template = makeTemplate(seed);
  const copies = slots / TEMPLATE_SLOTS;
  const results: ScaleResult[] = [];
  try {
    await sendCopies(template, copies, twins);
    const pfns = new Uint32Array(lookups);
    for (const pattern of patterns) {
      fillPattern(pfns, pattern, slots, seed);
      await process.sendList(pfns);
      for (const contender of options.contenders.filter((name) => name.startsWith("native"))) {
        const variant = contender === "native-index" ? "native-simd" : contender;
        if (!isNative(variant) || !twins.variants.includes(variant)) continue;
        const op: NativeOp = contender === "native-index" ? "index" : "heads";
        const times: number[] = [];
        for (let round = 0; round < rounds; round++) {
          const block = { offset: 0, count: lookups };
          times.push((await process.time(op, variant, block, { offset: 0, count: lookups >> 4 })).nanoseconds);
        }
        results.push({ op: "heads", slots, pattern, contender, nsPerLookup: median(times) / lookups });
      }
    }
  } finally {
    await process.end();
    template.dispose();
  }
  return results;
}

async function sendCopies(template: Vmemmap, copies: number, { process }: NonNullable<ReturnType<typeof startTwins>>) {
  const plain = plainMapOf(template);
  template.checkWellFormed();
  await process.sendMap(plain, copies);
  await process.sendIndex(TEMPLATE_SLOTS, indexBytes(template), copies);
}
