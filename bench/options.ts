import { parseArgs } from "node:util";
import { VmemmapError } from "../src/errors.js";
import type { TailEncoding } from "../src/profile/profile.js";
import { PAGES_PER_SECTION } from "../src/sections.js";
import { PATTERNS, type Pattern } from "./patterns.js";

export const ENCODINGS: readonly TailEncoding[] = ["pointer", "fake-heads", "mask"];

export const CONTENDERS = [
  "native",
  "native-simd",
  "wasm-simd",
  "wasm-scalar",
  "wasm-call",
  "js-uint32",
  "js-bigint",
] as const;

export type ContenderName = (typeof CONTENDERS)[number];

export const SUITES = ["heads"] as const;
export type SuiteName = (typeof SUITES)[number];

/** Percentages of memory by folio order; they add up to 100. */
export type OrderMix = ReadonlyMap<number, number>;

export interface BenchOptions {
  readonly suite: SuiteName;
  /** Undefined: all that the maps have. */
  readonly encodings: readonly TailEncoding[] | undefined;
  readonly patterns: readonly Pattern[];
  readonly contenders: readonly ContenderName[];
  readonly slots: number;
  readonly lookups: number;
  readonly rounds: number;
  readonly seed: number;
  /** An image to tile, in place of the real maps of the package. */
  readonly map: string | undefined;
  /** A synthetic map, in place of a real one. */
  readonly mix: OrderMix | undefined;
  readonly json: boolean;
  readonly plot: PlotOptions | undefined;
}

/** Where the picture goes, and the one pattern it shows. */
export interface PlotOptions {
  readonly file: string;
  readonly pattern: Pattern;
}

const MAX_MIX_ORDER = 18;
export const MIN_SLOTS = 64 * 1024;
const MAX_SLOTS = 60 * 1024 * 1024;

export const HELP = `Usage: vmemmap bench [heads] [options]

Measures folio lookups on the memory map of a real kernel: the WebAssembly engine, plain JavaScript and the
same loop in C, on the same slots and the same PFNs.

  --slots N            size of the map, 64Ki to 60Mi (default 16Mi: the map of a machine with 64 GiB)
  --encoding LIST      of ${ENCODINGS.join(", ")} (default: all)
  --pattern LIST       of ${PATTERNS.join(", ")} (default: random,sequential)
  --contenders LIST    of ${CONTENDERS.join(", ")} (default: all)
  --map FILE           tile this map image in place of the real maps that ship with the package
  --mix ORDER:PERCENT,...   a synthetic map with these percentages of memory by folio order, such as 0:60,2:20,9:20
  --lookups N          length of the list of PFNs (default 4Mi)
  --rounds N           timed blocks of each contender; the median counts (default 30)
  --seed N             seed of patterns and synthetic maps (default 1)
  --json               print one JSON object
  --plot FILE.svg      also draw lookups per second against map size
  --help               print this

The loops in C need a C compiler (cc, or $CC); without one they are left out.
`;

/** Parses the command line of `vmemmap bench`; null asks for help. Throws VmemmapError "bad-argument". */
export function parseBenchOptions(argv: readonly string[]): BenchOptions | null {
  const { values, positionals } = parseCommandLine(argv);
  if (values.help) return null;
  if (values.map !== undefined && values.mix !== undefined) throw bad("--map and --mix exclude each other");
  const patterns = parseNames("--pattern", values.pattern, PATTERNS);
  return {
    suite: parseSuite(positionals),
    encodings: values.encoding === undefined ? undefined : parseNames("--encoding", values.encoding, ENCODINGS),
    patterns,
    contenders: parseNames("--contenders", values.contenders, CONTENDERS),
    slots: parseSlots(values.slots),
    lookups: parseCount("--lookups", values.lookups, 16 * 1024, 64 * 1024 * 1024),
    rounds: parseCount("--rounds", values.rounds, 1, 10_000),
    seed: parseCount("--seed", values.seed, 0, 2 ** 32 - 1),
    map: values.map,
    mix: values.mix === undefined ? undefined : parseMix(values.mix),
    json: values.json,
    plot: values.plot === undefined ? undefined : parsePlot(values.plot, patterns),
  };
}

function parseCommandLine(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        slots: { type: "string", default: "16Mi" },
        encoding: { type: "string" },
        pattern: { type: "string", default: "random,sequential" },
        contenders: { type: "string", default: CONTENDERS.join(",") },
        map: { type: "string" },
        mix: { type: "string" },
        lookups: { type: "string", default: "4Mi" },
        rounds: { type: "string", default: "30" },
        seed: { type: "string", default: "1" },
        json: { type: "boolean", default: false },
        plot: { type: "string" },
        help: { type: "boolean", default: false, short: "h" },
      },
    });
  } catch (error) {
    throw bad(refusal(error instanceof Error ? error.message : String(error), argv));
  }
}

/** What is wrong with the command line, by the message of parseArgs; it finds a value with a dash "ambiguous". */
function refusal(message: string, argv: readonly string[]): string {
  const option = /(--\w+)[^']*' argument (?:is ambiguous|missing)/.exec(message)?.[1];
  if (option === undefined) return message.split(/\. |\n/)[0]!;
  const value = argv[argv.indexOf(option) + 1];
  return value === undefined ? `${option}: the value is missing` : `${option}: "${value}" is no value for it`;
}

function parseSuite(positionals: readonly string[]): SuiteName {
  const [name = "heads", ...others] = positionals;
  if (others.length > 0) throw bad(`one benchmark at a time, not ${positionals.join(" ")}`);
  return nameAmong("benchmark", name, SUITES);
}

function parseNames<T extends string>(option: string, text: string, known: readonly T[]): T[] {
  return [...new Set(text.split(",").map((name) => nameAmong(option, name.trim(), known)))];
}

function nameAmong<T extends string>(what: string, name: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === name);
  if (found === undefined) throw bad(`${what}: "${name}" is none of ${known.join(", ")}`);
  return found;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

/** Reads a whole number with a binary unit: 65536, 64Ki, 16Mi. */
function parseCount(option: string, text: string, min: number, max: number): number {
  const match = /^(\d+)(|Ki|Mi|Gi)$/.exec(text);
  if (match === null) throw bad(`${option}: "${text}" is no whole number with an optional unit Ki, Mi or Gi`);
  const count = Number(match[1]) * UNITS[match[2]!]!;
  if (count < min || count > max)
    throw bad(`${option}: ${text} is not within ${formatCount(min)} to ${formatCount(max)}`);
  return count;
}

function parseSlots(text: string): number {
  const slots = parseCount("--slots", text, MIN_SLOTS, MAX_SLOTS);
  if (slots % PAGES_PER_SECTION !== 0) throw bad(`--slots: ${text} is not a multiple of 32Ki, the pages of a section`);
  return slots;
}

function parseMix(text: string): OrderMix {
  const mix = new Map<number, number>();
  for (const part of text.split(",")) {
    const match = /^(\d+):(\d+(?:\.\d+)?)$/.exec(part.trim());
    if (match === null) throw bad(`--mix: "${part}" is not ORDER:PERCENT`);
    const order = Number(match[1]);
    if (order > MAX_MIX_ORDER) throw bad(`--mix: order ${order} is above ${MAX_MIX_ORDER}`);
    if (mix.has(order)) throw bad(`--mix: order ${order} is given twice`);
    mix.set(order, Number(match[2]));
  }
  const sum = [...mix.values()].reduce((total, percent) => total + percent, 0);
  if (Math.abs(sum - 100) > 1e-6) throw bad(`--mix: the percentages add up to ${sum}, not to 100`);
  return mix;
}

function parsePlot(file: string, patterns: readonly Pattern[]): PlotOptions {
  if (!file.endsWith(".svg")) throw bad(`--plot: "${file}" does not end in .svg`);
  return { file, pattern: patterns.includes("random") ? "random" : patterns[0]! };
}

/** 16777216 as "16Mi"; numbers without a binary unit as they are. */
export function formatCount(count: number): string {
  if (count === 0) return "0";
  if (count % 2 ** 20 === 0) return `${count / 2 ** 20}Mi`;
  return count % 2 ** 10 === 0 ? `${count / 2 ** 10}Ki` : String(count);
}

function bad(message: string): VmemmapError {
  return new VmemmapError("bad-argument", message);
}
