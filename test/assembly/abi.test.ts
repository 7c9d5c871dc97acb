/** docs/abi.md against the modules themselves, and the modules against hosts that ask for slots that do not exist. */
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { CoreExports } from "../../src/engine/generated/core.js";
import { presetNames, profile } from "../../src/index.js";
import { runs, timeout } from "../property/runs.js";
import { type ModuleName, moduleBytes, type RawCore, rawCore } from "./raw-core.js";
import { shapeOf, type Signature } from "./wasm.js";

const RELEASES = ["vmemmap.wasm", "vmemmap.scalar.wasm", "vmemmap.shared.wasm"] as const;
const INVALID = 0xffffffff;

interface Documented {
  readonly params: readonly { readonly name: string; readonly type: string }[];
  readonly result: string;
}

const page = readFileSync(new URL("../../docs/abi.md", import.meta.url), "utf8");

/** Rows of the page's table of functions: each says in one sentence what it is. */
const documented: ReadonlyMap<string, Documented> = new Map(
  [...page.matchAll(/^\| `(\w+)` \| ((?:\w+: \w+(?:, )?)*) \| (void|bool|u32|i32) \| \S.*\. \|$/gm)].map(
    ([, name, params, result]) => [
      name!,
      {
        params: params!
          .split(", ")
          .filter((param) => param !== "")
          .map((param) => ({ name: param.split(": ")[0]!, type: param.split(": ")[1]! })),
        result: result!,
      },
    ],
  ),
);

/** Constants and state words of the page, by name: their values. Each row says what it is. */
const documentedConstants: ReadonlyMap<string, number> = new Map(
  [...page.matchAll(/^\| `([A-Z]\w*(?:\.\w+)?)` \| (0x[0-9a-f]+|\d+) \| \S.*\. \|$/gm)].map(([, name, value]) => [
    name!,
    Number(value),
  ]),
);

/** How the page's types are passed; bool is an i32. */
const WASM_TYPES: Record<string, string> = { u32: "i32", i32: "i32", bool: "i32" };

function wasmSignature({ params, result }: Documented): Signature {
  return {
    params: params.map(({ type }) => WASM_TYPES[type] ?? `no type "${type}"`),
    results: result === "void" ? [] : [WASM_TYPES[result] ?? `no type "${result}"`],
  };
}

describe.each(RELEASES)("%s", (name) => {
  const shape = shapeOf(moduleBytes(name));

  it("exports exactly the functions docs/abi.md lists, with their types", () => {
    const wanted = [...documented].map(([name, entry]) => [name, wasmSignature(entry)] as const);
    expect(wanted.length).toBeGreaterThan(50);
    expect(Object.fromEntries(shape.functions)).toEqual(Object.fromEntries(wanted));
  });

  it("exports exactly the constants docs/abi.md lists, with their values, and nothing else", () => {
    const { exports } = rawCore(name, profile("7.3"), [[0]]);
    const globals = exports as unknown as Record<string, WebAssembly.Global<"i32">>;
    const values = shape.globals.map((name) => [name, globals[name]!.value >>> 0] as const);
    expect(Object.fromEntries(values)).toEqual(Object.fromEntries(documentedConstants));
    expect(shape.others).toEqual([]);
  });

  it("imports nothing but its memory, and runs nothing by itself", () => {
    expect(shape.imports).toEqual(["env.memory memory"]);
    expect(shape.hasStart).toBe(false);
  });
});

it("the debug module exports the same and may import abort too", () => {
  const shape = shapeOf(moduleBytes("vmemmap.debug.wasm"));
  expect(shape.functions).toEqual(shapeOf(moduleBytes("vmemmap.wasm")).functions);
  expect(["env.memory memory", "env.abort function"]).toEqual(expect.arrayContaining([...shape.imports]));
});

// ---- Slots that do not exist ------------------------------------------------------------------------------------------

const SLOT_PARAMS = new Set(["slot", "folio", "head"]);
/** Functions of a slot: what they answer for one that does not exist. */
const slotFunctions = [...documented].filter(([, { params }]) => params.some(({ name }) => SLOT_PARAMS.has(name)));

/** Two whole sections with a hole between them, and one with a hole inside. */
const SECTIONS = [[2], [4], [5, 0xf0n]] as const;
const NR_SLOTS = SECTIONS.length * 32768;
const ABSENT = [NR_SLOTS, NR_SLOTS + 1, 2 * 32768, NR_SLOTS - 1, 0x7fffffff, 0x80000000, 0xfffffffe, INVALID];
const OTHERS = [0, 1, 9, 22, 31, 32, 63, 64, 255, 32768, NR_SLOTS, 0x7fffffff, 0x80000000, 0xfffffffe, INVALID];

/** By words: a host fills shared memory a value at a time. */
function fillSlots({ memory, plan }: RawCore, byte: number): void {
  new BigUint64Array(memory.buffer, plan.slots).fill(BigInt(byte) * 0x0101010101010101n);
}

/** What functions of a slot answer where there is none, by their result; a change answers minus a Status. */
function isRefusal(name: string, result: string, answer: number): boolean {
  if (name.startsWith("check_")) return answer > 0;
  if (result === "void") return true;
  if (result === "bool") return answer === 0;
  const isRead = /count|pincount|pages_mapped/.test(name) && !/^(set|try)_/.test(name);
  if (result === "u32" || isRead) return answer >>> 0 === INVALID || (answer >= -1 && answer <= 1);
  return answer < 0;
}

function call(exports: CoreExports, name: string, args: readonly number[]): number {
  const named: (...args: number[]) => number = exports[name as keyof CoreExports];
  return named(...args);
}

it.each(RELEASES)("%s: a span so long that its end wraps around is refused", (module) => {
  const core = rawCore(module, profile("7.3"), [[0]]);
  expect(core.exports.set_page_links(100, 2 ** 32 - 50, 0, 0)).toBeLessThan(0);
});

it.each(RELEASES)("%s: count_folios_by_order writes all 256 counts, whatever stood there", (module) => {
  const core = rawCore(module, profile("7.3"), [[0]]);
  const staging = (core.exports as unknown as { STAGING: WebAssembly.Global<"i32"> }).STAGING.value;
  const counts = new Uint32Array(core.memory.buffer, staging, 256).fill(INVALID);
  core.exports.count_folios_by_order(staging);
  expect([counts[0], counts.subarray(1).every((count) => count === 0)]).toEqual([32768, true]);
});

describe.each(["5.15", "6.18", "7.3"] as const)("absurd arguments, %s", (kernel) => {
  it.each(RELEASES)("%s: no function of a slot traps, answers as if it were there, or writes", (module) => {
    const core = rawCore(module, profile(kernel), SECTIONS);
    fillSlots(core, 0x5a);
    const before = core.slots.slice();
    const wrong = new Set<string>();
    for (const [name, { params, result }] of slotFunctions) {
      for (const slot of ABSENT) {
        for (const other of OTHERS) {
          const args = params.map((param) => (SLOT_PARAMS.has(param.name) ? slot : other));
          const answer = call(core.exports, name, args);
          if (!isRefusal(name, result, answer)) wrong.add(`${name}(${slot}) answers ${answer}`);
        }
      }
    }
    expect([...wrong]).toEqual([]);
    expect(Buffer.from(core.slots).equals(before)).toBe(true);
    expect(
      ["compound_head", "page_folio", "slot_to_pfn_low", "folio_page_idx"].map((name) =>
        call(core.exports, name, [NR_SLOTS]),
      ),
    ).toEqual([-1, -1, -1, -1]);
  });

  it.each(RELEASES)("%s: no other argument makes a function of a present slot trap", (module) => {
    const core = rawCore(module, profile(kernel), SECTIONS);
    for (const [name, { params }] of slotFunctions) {
      for (const slot of [0, 32767, 32768, 2 * 32768 + 4 * 512, 2 * 32768 + 8 * 512 - 1]) {
        for (const fill of [0, 0x5a, 0xff]) {
          fillSlots(core, fill);
          core.exports.slots_written(0, NR_SLOTS);
          for (const other of OTHERS) {
            call(
              core.exports,
              name,
              params.map((param) => (SLOT_PARAMS.has(param.name) ? slot : other)),
            );
          }
        }
      }
    }
  });

  it.each(RELEASES)("%s: PFNs and lists of what does not exist are invalid", (module) => {
    const core = rawCore(module, profile(kernel), SECTIONS);
    const { exports, memory } = core;
    const pfns = [0, 65535, 3 * 32768, 5 * 32768, 6 * 32768, 0x7fffffff, 0x80000000, INVALID];
    for (const pfn of pfns) {
      expect([pfn, exports.head_of_pfn(pfn) >>> 0, exports.pfn_to_slot(pfn, 0) >>> 0]).toEqual([pfn, INVALID, INVALID]);
      expect(exports.pfn_to_slot(65536, pfn === 0 ? 1 : pfn) >>> 0).toBe(INVALID);
    }
    const lists = new Uint32Array(memory.buffer);
    const at = core.plan.lists;
    for (const [name, list] of [
      ["heads_of_pfns", pfns],
      ["slots_of_pfns", pfns],
      ["heads_of_slots", ABSENT],
      ["pfns_of_slots", ABSENT],
      ["orders_of_slots", ABSENT],
      ["page_refcounts_of_slots", ABSENT],
      ["folio_refcounts_of_slots", ABSENT],
      ["page_mapcounts_of_slots", ABSENT],
      ["folio_mapcounts_of_slots", ABSENT],
    ] as const) {
      lists.set(list, at / 4);
      expect([name, exports[name](at, at, list.length)]).toEqual([name, list.length]);
      expect(Array.from(lists.subarray(at / 4, at / 4 + list.length))).toEqual(list.map(() => INVALID));
    }
  });
});

// ---- Assertions on -----------------------------------------------------------------------------------------------------

const CHANGES = [
  "prep_compound_page",
  "split_folio_to_order",
  "free_pages_prepare",
  "hugetlb_vmemmap_optimize_folio",
  "hugetlb_vmemmap_restore_folio",
  "set_page_count",
  "folio_get",
  "try_get_page",
  "folio_put_refs",
  "folio_ref_freeze",
  "folio_ref_unfreeze",
  "page_change_flag",
  "set_page_links",
  "page_cpupid_xchg_last",
  "zone_device_page_init",
  "zone_device_folio_freed",
  "folio_ref_inc",
  "folio_pin",
  "folio_unpin",
  "dax_associate_entry",
  "dax_disassociate_entry",
  "vmemmap_dedup_folio",
] as const;

/** First slots of device memory of each type, 1024 pages of each; generic ones are folios of order 9. */
const DEVICE_SLOTS = [8192, 9216, 10240, 11264, 12288];

function addDeviceMemory({ exports }: RawCore): void {
  DEVICE_SLOTS.forEach((slot, number) => {
    const type = number + 1;
    const pfn = 2 * 32768 + slot;
    exports.pgmap_add(0x1000 * type, 0xffff8881, type, 2, 2048, 0);
    exports.pgmap_add_range(number, pfn, 0, pfn + 1024, 0, number === 4 ? 16 : 0);
    const order = type === 4 ? 9 : 0;
    expect(exports.memmap_init_zone_device(slot, 1024, number, 0, order, 2 ** order)).toBe(0);
  });
}

const change = fc.record({
  name: fc.constantFrom(...CHANGES),
  slot: fc.oneof(
    fc.nat(63).map((n) => n * 128),
    fc.nat(8191),
    fc.nat(511).map((n) => 32768 - 256 + n),
    fc.tuple(fc.constantFrom(...DEVICE_SLOTS), fc.nat(8)).map(([slot, n]) => slot + n * 128),
    fc.nat(NR_SLOTS + 5),
  ),
  args: fc.tuple(fc.nat(10), fc.nat(5), fc.nat(1)),
});

it.each(presetNames)(
  "%s: random changes trip no assertion of the debug module, and leave the release modules' bytes",
  (kernel) => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 5, maxLength: 60, size: "max" }), (changes) => {
        const modules: ModuleName[] = ["vmemmap.debug.wasm", ...RELEASES];
        const [debug, ...releases] = modules.map((name) => {
          const core = rawCore(name, profile(kernel), SECTIONS);
          for (const slot of [0, 32768]) core.exports.memmap_init_range(slot, 32768, 2, 0, 0, 0);
          addDeviceMemory(core);
          const answers = changes.map(({ name, slot, args }) => call(core.exports, name, [slot, ...args]));
          const counts = core.plan.lists;
          const passes = [core.exports.scan_all(), core.exports.verify_all(counts, counts + 64, 0, 0)];
          const faults = Array.from(new Uint32Array(core.memory.buffer, counts, 15));
          return { answers: [...answers, ...passes, ...faults], slots: Buffer.from(core.slots) };
        });
        for (const release of releases) {
          expect(release.answers).toEqual(debug!.answers);
          expect(release.slots.equals(debug!.slots)).toBe(true);
        }
      }),
      runs(4),
    );
  },
  timeout,
);

it("a section is added once, and only where its slots are inside memory", () => {
  const core = rawCore("vmemmap.wasm", profile("7.3"), [[0], [1]]);
  expect(core.exports.sparse_add_section(1, -1, -1)).toBe(-1);
  expect(core.exports.sparse_add_section(2, -1, -1)).toBe(-1);
});

it("state_set writes no word behind the last", () => {
  const core = rawCore("vmemmap.wasm", profile("7.3"), [[0]]);
  const before = Buffer.from(core.memory.subarray(0, core.plan.slots));
  for (const name of [512, 513, 0xffffffff]) core.exports.state_set(name, -1, -1);
  expect(Buffer.from(core.memory.subarray(0, core.plan.slots)).equals(before)).toBe(true);
});
