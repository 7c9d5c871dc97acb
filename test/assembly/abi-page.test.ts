/** What a newcomer does by docs/abi.md alone: run its example, set the words of words.json, write a predicate. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { constant } from "../../src/engine/modules.js";
import { presetNames, profile } from "../../src/index.js";
import { rawCore } from "./raw-core.js";

const root = new URL("../../", import.meta.url);
const page = readFileSync(new URL("docs/abi.md", root), "utf8");
const words = JSON.parse(readFileSync(new URL("dist/words.json", root), "utf8")) as Record<
  string,
  Record<string, string>
>;

it("the example of docs/abi.md runs and prints what its comments say", () => {
  const example = /```js\n([\s\S]*?)```/.exec(page)![1]!;
  const printed = [...example.matchAll(/console\.log\(.*\); \/\/ ([^:\n]*)/g)].map(([, text]) => text);
  const folder = mkdtempSync(join(tmpdir(), "vmemmap-abi-"));
  try {
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(fileURLToPath(root), join(folder, "node_modules/vmemmap"), "dir");
    writeFileSync(join(folder, "example.mjs"), example);
    const output = execFileSync(process.execPath, ["example.mjs"], { cwd: folder, encoding: "utf8" });
    expect(output.trimEnd().split("\n")).toEqual(printed);
    expect(printed).toHaveLength(3);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("words.json has every preset", () => {
  expect(Object.keys(words).sort()).toEqual([...presetNames].sort());
});

it.each(presetNames)("words.json sets the state that the wrapper sets, %s", (kernel) => {
  const { exports, memory } = rawCore("vmemmap.wasm", profile(kernel), [[0]]);
  const core = memory.subarray(0, constant("SECTION_TABLE"));
  const before = core.slice();
  const place = new Set([
    "SLOTS",
    "NR_SLOTS",
    "NR_SECTIONS",
    "NR_SHARED",
    "NR_PGMAPS",
    "NR_PGMAP_RANGES",
    "HEAD_INDEX_ROOM",
    "HEAD_INDEX_SECTIONS",
    "HEAD_INDEX",
  ]);
  const named = [...page.matchAll(/^\| `Word\.(\w+)` \| (\d+)/gm)].filter(([, name]) => !place.has(name!));
  for (const [, , number] of named) exports.state_set(Number(number), 0x5a5a5a5a, 0x5a5a5a5a);
  expect(Buffer.from(core).equals(before)).toBe(false);
  for (const [, name, number] of named) {
    const word = BigInt(words[kernel]![name!]!);
    exports.state_set(Number(number), Number(word & 0xffffffffn), Number(word >> 32n));
  }
  expect(Buffer.from(core).equals(before)).toBe(true);
});

const LOCKED = 1n;
const BUDDY = 0xf0000000;

type Predicate = Readonly<Record<string, number | bigint>>;

const ANY_PAGE: Predicate = {
  flags_mask: 0,
  flags_value: 0,
  type_mask: 0,
  type_value: 0,
  kinds: 7,
  min_order: 0,
  max_order: 255,
  min_refcount: -(2 ** 31),
  max_refcount: 2 ** 31 - 1,
  by_pgmap: 0,
};

/** Writes fields of the predicate where the page says they are; those not given match any page. */
function writePredicate(memory: Uint8Array, fields: Predicate): void {
  const layout = [...page.matchAll(/^\| `(\w+)` \| (\d+) \| (u64|u32|i32) \|/gm)];
  const view = new DataView(memory.buffer, constant("PREDICATE"));
  expect(layout.map(([, name]) => name)).toEqual(Object.keys(ANY_PAGE));
  for (const [name, value] of Object.entries({ ...ANY_PAGE, ...fields })) {
    const [, , offset, type] = layout.find(([, field]) => field === name)!;
    if (type === "u64") view.setBigUint64(Number(offset), BigInt(value), true);
    else view.setUint32(Number(offset), Number(value), true);
  }
}

it("the predicate stands as docs/abi.md lays it out", () => {
  const { exports, memory } = rawCore("vmemmap.wasm", profile("7.3"), [[1]]);
  exports.memmap_init_range(0, 32768, 1, 0, 0, 0);
  exports.prep_compound_page(512, 2);
  exports.prep_compound_page(1024, 1);
  exports.page_change_flag(3, 0, constant("Policy.ANY"), 1);
  exports.page_set_type(5, 0xff000000, BUDDY, BUDDY);
  exports.set_page_count(7, 1);
  exports.set_page_count(8, 2);
  const found = (fields: Predicate): number[] => {
    writePredicate(memory, fields);
    const nr = exports.select_slots(0, constant("STAGING"), 10);
    return [...new Uint32Array(memory.buffer, constant("STAGING"), nr)];
  };
  expect(found({ kinds: constant("PageKind.HEAD") })).toEqual([512, 1024]);
  expect(found({ kinds: constant("PageKind.HEAD"), min_order: 2 })).toEqual([512]);
  expect(found({ min_order: 1, max_order: 1 })).toEqual([1024, 1025]);
  expect(found({ kinds: constant("PageKind.TAIL"), max_order: 1 })).toEqual([1025]);
  expect(found({ kinds: constant("PageKind.SINGLE"), flags_mask: LOCKED, flags_value: LOCKED })).toEqual([3]);
  expect(found({ type_mask: 0xff000000, type_value: BUDDY })).toEqual([5]);
  expect(found({ min_refcount: 1 })).toEqual([7, 8]);
  expect(found({ min_refcount: 1, max_refcount: 1 })).toEqual([7]);
});
