import { parseArgs } from "node:util";
import { VmemmapError } from "../src/errors.js";
import type { TailEncoding } from "../src/profile/profile.js";
import { PAGES_PER_SECTION } from "../src/sections.js";
import { PATTERNS, type Pattern } from "./patterns.js";

export const ENCODINGS: readonly TailEncoding[] = ["pointer", "fake-heads", "mask"];

/** Of the benchmark threads. */
const THREAD_CONTENDERS = [
  "wasm-shared",
  "one-worker",
  "two-workers",
  "one-worker-index",
  "two-workers-index",
] as const;

export const CONTENDERS = [
  "native",
  "native-chain",
  "native-simd",
  "native-index",
  "wasm-simd",
  "wasm-scalar",
  "wasm-index",
  "wasm-call",
  "js-uint32",
  "js-bigint",
  ...THREAD_CONTENDERS,
] as const;

export type ThreadContender = (typeof THREAD_CONTENDERS)[number];
export type ContenderName = (typeof CONTENDERS)[number];

export const SUITES = ["heads", "fields", "pgmap", "verify", "passes", "census", "threads", "upkeep", "scale"] as const;
export type SuiteName = (typeof SUITES)[number];

/** All contenders but those of threads and these. */
function known(...absent: readonly ContenderName[]): readonly ContenderName[] {
  return CONTENDERS.filter((name) => ![...THREAD_CONTENDERS, ...absent].includes(name));
}

/** Who takes part in which benchmark. */
export const SUITE_CONTENDERS: Readonly<Record<SuiteName, readonly ContenderName[]>> = {
  heads: known("native-chain"),
  fields: known("native-chain", "js-bigint", "native-index"),
  pgmap: known("js-bigint", "native-index"),
  verify: ["native", "native-simd", "js-uint32", "wasm-simd", "wasm-scalar"],
  passes: ["native", "native-simd", "js-uint32", "wasm-simd", "wasm-scalar"],
  census: ["native", "native-simd", "js-uint32", "wasm-simd", "wasm-scalar"],
  threads: ["native", "native-simd", ...THREAD_CONTENDERS],
  upkeep: ["wasm-simd"],
  scale: ["native", "native-simd", "native-index", "wasm-simd", "wasm-index"],
};

/** Percentages of memory by folio order; they add up to 100. */
export type OrderMix = ReadonlyMap<number, number>;

export interface BenchOptions {
  readonly suite: SuiteName;
  /** Undefined where the maps decide: all that they have. */
  readonly encodings: readonly TailEncoding[] | undefined;
  /** None in suites that have no lists. */
  readonly patterns: readonly Pattern[];
  readonly contenders: readonly ContenderName[];
  readonly slots: number;
  /** 0 in suites that have none. */
  readonly lookups: number;
  readonly rounds: number;
  readonly seed: number;
  /** An image to tile, in place of the real maps of the package. */
  readonly map: string | undefined;
  /** A synthetic map, in place of a real one. */
  readonly mix: OrderMix | undefined;
  /** Orders of folios in the suite pgmap; none in others. */
  readonly orders: readonly number[];
  /** The slots of the twins in C in 2 MiB pages. */
  readonly hugePages: boolean;
  readonly json: boolean;
  readonly plot: PlotOptions | undefined;
}

/** Where the picture goes, and the one pattern it shows. */
export interface PlotOptions {
  readonly file: string;
  readonly pattern: Pattern;
}

const MAX_ORDER = 18;
const DEFAULT_PATTERNS = "random,sequential";
const DEFAULT_MIX_TEXT = "0:60,2:20,9:20";
export const MIN_SLOTS = 64 * 1024;
const MAX_SLOTS = 60 * 1024 * 1024;
/** Where maps may be of several memories. */
const MAX_SHARDED_SLOTS = 256 * 1024 * 1024;
/** Single pages; 16 KiB, whose heads do not fit the caches; 2 MiB and 1 GiB, as device-dax makes them. */
const DEFAULT_ORDERS = [0, 2, 9, 18];
/** The kernels that have page_pgmap(), without HVO's fake heads. */
const PGMAP_ENCODINGS: readonly TailEncoding[] = ["pointer", "mask"];
/** Suites that go over all slots, on real maps and a synthetic one. */
const WITHOUT_LISTS: readonly SuiteName[] = ["verify", "passes", "census", "upkeep"];
/** Options that some benchmarks do not have. */
const SUITE_OPTIONS = {
  encoding: ["heads", "fields", "pgmap", "verify", "passes", "census", "threads"],
  map: ["heads", "fields", "verify", "passes", "census", "threads"],
  mix: ["heads", "fields", "verify", "passes", "census", "threads"],
  orders: ["pgmap"],
  pattern: ["heads", "fields", "pgmap", "threads", "scale"],
  lookups: ["heads", "fields", "pgmap", "threads", "scale"],
  plot: ["heads", "pgmap", "scale"],
} as const satisfies Record<string, readonly SuiteName[]>;

export const HELP = `Usage: vmemmap bench [heads|fields|pgmap|verify|passes|census|threads|upkeep|scale] [options]

       vmemmap bench all        the data and pictures of the results page; all --help says more
       vmemmap bench compare    the key ratios beside those of the last release; compare --help says more
       vmemmap bench open       dumps from open to census, stage by stage; open --help says more

Measures the WebAssembly engine, plain JavaScript and the same loop in C, on the same slots and the same PFNs.
  heads   compound_head, on the memory map of a real kernel (the default)
  fields  folio_order, the flags of a page's folio and its own, on the same maps
  pgmap   the pgmap of ZONE_DEVICE pages: from each page's own slot (up to 6.14), through the folio (from 6.15
          on), and by ranges of PFNs. Needs four times the bytes of the slots: 4 GiB, or 1 GiB with --slots 4Mi.
  verify  the checker of all slots, map.verify(), beside a plain pass over them that adds up one word of each; on the
          real maps and on a synthetic one (${DEFAULT_MIX_TEXT})
  passes  folios counted by order, heads listed, words checked, beside the same passes in C and a plain one; on the same
          maps as verify
  census  pages counted by what they are used for, and each page's kind, beside plain JavaScript and a plain pass; on the
          same maps
  threads compound_head on two worker threads and on one, over the same shared memory; and what atomic counts cost
  upkeep  what it costs to keep the head index current: folios made, split and freed, device memory mapped
  scale   maps of 1Mi slots and doublings up to --slots, over as many memories as they need: built, checked, and compound_head
          with routing, on this thread and on workers. Needs the bytes of the slots and 1 GiB: 17 GiB for --slots 256Mi

  --slots N            size of the map, 64Ki to 60Mi, scale: 1Mi to 256Mi (default 16Mi: the map of a machine with 64 GiB)
  --encoding LIST      all but scale: of ${ENCODINGS.join(", ")} (default: all; pgmap: ${PGMAP_ENCODINGS.join(",")})
  --pattern LIST       heads, fields, pgmap, threads, scale: of ${PATTERNS.join(", ")} (default: ${DEFAULT_PATTERNS})
  --contenders LIST    of ${CONTENDERS.join(", ")}
                       (default: all that the benchmark has)
  --map FILE           all but pgmap, scale: tile this map image in place of the real maps that ship with the package
  --mix ORDER:PERCENT,...
                       all but pgmap, scale: a synthetic map with these percentages of memory by folio order, such as
                       0:60,2:20,9:20
  --orders LIST        pgmap: orders of the folios, up to ${MAX_ORDER} (default: of ${DEFAULT_ORDERS.join(",")} those that divide the map)
  --lookups N          heads, fields, pgmap, threads, scale: length of the list of PFNs (default 4Mi)
  --rounds N           timed blocks of each contender, verify, passes, census: passes; the median counts (default 30)
  --seed N             seed of patterns and synthetic maps (default 1)
  --huge-pages         the slots of the loops in C stand in 2 MiB pages, as a kernel maps most of its vmemmap
  --json               print one JSON object
  --plot FILE.svg      heads, pgmap, scale: also draw: heads and scale, lookups per second against map size; pgmap, the folio's cost by order
  --help               print this

The loops in C need a C compiler (cc, or $CC); without one they are left out.
`;

/** Parses the command line of `vmemmap bench`; null asks for help. Throws VmemmapError "bad-argument". */
export function parseBenchOptions(argv: readonly string[]): BenchOptions | null {
  const { values, positionals } = parseCommandLine(argv);
  if (values.help) return null;
  const suite = parseSuite(positionals);
  for (const [option, suites] of Object.entries<readonly SuiteName[]>(SUITE_OPTIONS)) {
    const isGiven = values[option as keyof typeof SUITE_OPTIONS] !== undefined;
    if (isGiven && !suites.includes(suite)) throw bad(`--${option} belongs to ${benchmarks(suites)}, not to ${suite}`);
  }
  if (values.map !== undefined && values.mix !== undefined) throw bad("--map and --mix exclude each other");
  const hasLists = !WITHOUT_LISTS.includes(suite);
  const patterns = hasLists ? parseNames("--pattern", values.pattern ?? DEFAULT_PATTERNS, PATTERNS) : [];
  const slots = parseSlots(values.slots, suite);
  return {
    suite,
    encodings: parseEncodings(suite, values.encoding),
    patterns,
    contenders: parseContenders(suite, values.contenders),
    slots,
    lookups: hasLists ? parseCount("--lookups", values.lookups ?? "4Mi", 16 * 1024, 64 * 1024 * 1024) : 0,
    rounds: parseCount("--rounds", values.rounds, 1, 10_000),
    seed: parseCount("--seed", values.seed, 0, 2 ** 32 - 1),
    map: values.map,
    mix: values.mix === undefined ? undefined : parseMix(values.mix),
    orders: suite === "pgmap" ? parseOrders(values.orders, slots) : [],
    hugePages: values["huge-pages"],
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
        pattern: { type: "string" },
        contenders: { type: "string" },
        map: { type: "string" },
        mix: { type: "string" },
        orders: { type: "string" },
        lookups: { type: "string" },
        rounds: { type: "string", default: "30" },
        seed: { type: "string", default: "1" },
        "huge-pages": { type: "boolean", default: false },
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

function benchmarks(suites: readonly SuiteName[]): string {
  return suites.length === 1
    ? `the benchmark ${suites[0]}`
    : `the benchmarks ${new Intl.ListFormat("en-GB").format(suites)}`;
}

function parseEncodings(suite: SuiteName, text: string | undefined): readonly TailEncoding[] | undefined {
  if (text !== undefined) return parseNames("--encoding", text, ENCODINGS);
  return suite === "pgmap" ? PGMAP_ENCODINGS : undefined;
}

function parseContenders(suite: SuiteName, text: string | undefined): readonly ContenderName[] {
  const known = SUITE_CONTENDERS[suite];
  if (text === undefined) return known;
  const wished = parseNames("--contenders", text, CONTENDERS);
  const absent = wished.find((name) => !known.includes(name));
  if (absent !== undefined) throw bad(`--contenders: ${absent} takes no part in the benchmark ${suite}`);
  return wished;
}

/** Folios fill the map: their size divides it. */
function parseOrders(text: string | undefined, slots: number): number[] {
  if (text === undefined) return DEFAULT_ORDERS.filter((order) => slots % 2 ** order === 0);
  const orders = text.split(",").map((part) => {
    const order = /^\d+$/.test(part.trim()) ? Number(part) : NaN;
    if (!(order <= MAX_ORDER)) throw bad(`--orders: "${part}" is no order from 0 to ${MAX_ORDER}`);
    if (slots % 2 ** order !== 0) {
      throw bad(
        `--orders: a map of ${formatCount(slots)} slots is not made of folios of ${formatCount(2 ** order)} pages`,
      );
    }
    return order;
  });
  return [...new Set(orders)].sort((a, b) => a - b);
}

export function parseNames<T extends string>(option: string, text: string, known: readonly T[]): T[] {
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

export function parseSlots(text: string, suite: SuiteName = "heads"): number {
  const [min, max] = suite === "scale" ? [2 ** 20, MAX_SHARDED_SLOTS] : [MIN_SLOTS, MAX_SLOTS];
  const slots = parseCount("--slots", text, min, max);
  if (slots % PAGES_PER_SECTION !== 0) throw bad(`--slots: ${text} is not a multiple of 32Ki, the pages of a section`);
  return slots;
}

/** The synthetic map of suites that measure one beside the real maps. */
export function defaultMix(): OrderMix {
  return parseMix(DEFAULT_MIX_TEXT);
}

function parseMix(text: string): OrderMix {
  const mix = new Map<number, number>();
  for (const part of text.split(",")) {
    const match = /^(\d+):(\d+(?:\.\d+)?)$/.exec(part.trim());
    if (match === null) throw bad(`--mix: "${part}" is not ORDER:PERCENT`);
    const order = Number(match[1]);
    if (order > MAX_ORDER) throw bad(`--mix: order ${order} is above ${MAX_ORDER}`);
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
