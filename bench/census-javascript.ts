import { PAGE_KINDS } from "../src/kinds.js";
import type { Vmemmap } from "../src/vmemmap.js";
import { typeOf } from "../src/profile/names.js";
import { isFakeHead, type Pass, type Slots, slotsOf } from "./passes-javascript.js";
import type { PlainMap } from "./javascript.js";

/**
 * The plain JavaScript a user would write to classify all pages: no engine, one typed array, and for each page that is no tail the rules of
 * src/kinds.ts one after another. Right for maps whose tails follow their head.
 */

const kind = Object.fromEntries(PAGE_KINDS.map((name, number) => [name, number])) as Record<
  (typeof PAGE_KINDS)[number],
  number
>;
const DEVICE_KINDS = {
  private: kind["device-private"],
  coherent: kind["device-coherent"],
  "fs-dax": kind["device-fsdax"],
  generic: kind["device-generic"],
  "pci-p2pdma": kind["device-p2pdma"],
};
const TYPE_KINDS = {
  buddy: kind.free,
  offline: kind.offline,
  table: kind.pgtable,
  guard: kind.guard,
  hugetlb: kind.hugetlb,
  slab: kind.slab,
  zsmalloc: kind.zsmalloc,
  unaccepted: kind.unaccepted,
  large_kmalloc: kind["large-kmalloc"],
};
const MAX_PAGE_ORDER = 10;

/** What the rules need to know of a map's kernel. */
interface Rules {
  readonly base: bigint;
  /** The zone's bits in the high half of the flags word, and how they read in ZONE_DEVICE. */
  readonly zoneMask: number;
  readonly zoneDevice: number;
  readonly kindsOfPgmaps: ReadonlyMap<bigint, number>;
  /** By rule: which words at +48 are of which type. */
  readonly types: readonly { readonly mask: number; readonly value: number; readonly kind: number }[];
  readonly typeLimit: number;
  readonly slabFlag: number;
  readonly dtorOffset: number | null;
  readonly hugetlbDtor: number;
  readonly swapbacked: number;
  readonly reserved: number;
}

function rulesOf(map: Vmemmap): Rules {
  const { profile } = map;
  const { zone, zones, slab, hugetlb, folio, pageTypes } = profile;
  const flag = (name: string): number => 1 << profile.flags[name]!.bit;
  const zoneShift = zone.shift - 32;
  return {
    base: map.vmemmapBase,
    zoneMask: (2 ** zone.width - 1) << zoneShift,
    zoneDevice: zones.indexOf("DEVICE") << zoneShift,
    kindsOfPgmaps: new Map(
      map.pgmaps.map(({ address, type }) => [
        address,
        DEVICE_KINDS[profile.zoneDevice.memoryTypes[type - 1] ?? "private"],
      ]),
    ),
    types: Object.entries(TYPE_KINDS)
      .filter(([name]) => Object.hasOwn(pageTypes.types, name))
      .map(([name, number]) => ({ ...typeOf(profile, name), kind: number })),
    typeLimit: pageTypes.encoding === "top-byte" ? 0xff000000 | 0 : -128,
    slabFlag: slab.by === "flag" ? flag(slab.name) : 0,
    dtorOffset: hugetlb.by === "dtor" ? folio.dtor : null,
    hugetlbDtor: hugetlb.by === "dtor" ? hugetlb.id : 0,
    swapbacked: flag("swapbacked"),
    reserved: flag("reserved"),
  };
}

/** Pages and folios of each kind in turn. */
export function censusPass(map: Vmemmap, plain: PlainMap): Pass {
  const slots = slotsOf(plain);
  const rules = rulesOf(map);
  return () => countKinds(slots, rules);
}

function countKinds(slots: Slots, rules: Rules): Uint32Array {
  const { words, headFlag } = slots;
  const counts = new Uint32Array(2 * PAGE_KINDS.length);
  let last = 0;
  let freeEnd = 0;
  for (let at = 0; at < words.length; at += 16) {
    const isTail = (words[at + 2]! & 1) !== 0 || ((words[at]! & headFlag) !== 0 && isFakeHead(slots, at));
    if (!isTail) {
      const page = at / 16;
      last = kindOf(slots, rules, at, page < freeEnd);
      if (last === kind.free && (words[at + 12]! | 0) < rules.typeLimit) {
        freeEnd = Math.max(freeEnd, page + 2 ** Math.min(words[at + 10]!, MAX_PAGE_ORDER));
      }
      counts[2 * last + 1]!++;
    }
    counts[2 * last]!++;
  }
  return counts;
}

function kindOf({ words, bytes, headFlag }: Slots, rules: Rules, at: number, inFreeBlock: boolean): number {
  const flags = words[at]!;
  if ((words[at + 1]! & rules.zoneMask) === rules.zoneDevice) return deviceKind(words, rules, at);
  const type = words[at + 12]!;
  const isTyped = (type | 0) < rules.typeLimit;
  const isIdle = words[at + 13] === 0;
  if (isIdle && inFreeBlock) return kind.free;
  if (isTyped) {
    const found = rules.types.find(({ mask, value }) => (type & mask) >>> 0 === value);
    if (found !== undefined) return found.kind;
  }
  const { dtorOffset } = rules;
  if (dtorOffset !== null && flags & headFlag && bytes[at * 4 + dtorOffset] === rules.hugetlbDtor) return kind.hugetlb;
  if (flags & rules.slabFlag) return kind.slab;
  const mapping = words[at + 6]!;
  if ((mapping | words[at + 7]!) !== 0) {
    switch (mapping & 3) {
      case 0:
        return flags & rules.swapbacked ? kind.shmem : kind.file;
      case 1:
        return kind.anon;
      case 2:
        return kind.movable;
      default:
        return kind.ksm;
    }
  }
  if (flags & rules.reserved) return kind.reserved;
  return isIdle && !isTyped ? kind["free-pcp"] : kind.other;
}

function deviceKind(words: Uint32Array, rules: Rules, at: number): number {
  const word = (BigInt(words[at + 3]!) << 32n) | BigInt(words[at + 2]!);
  const known = rules.kindsOfPgmaps.get(word);
  if (known !== undefined) return known;
  return word === rules.base + BigInt(at * 4 + 8) ? kind["device-altmap"] : kind["device-unknown"];
}
