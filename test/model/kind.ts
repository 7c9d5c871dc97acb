import type { UsageKind } from "../../src/kinds.js";
import type { MemoryType } from "../../src/profile/profile.js";
import { hasFlagBit, pageZone } from "./flagword.js";
import { folioTestHugetlb, folioTestSlab } from "./folio.js";
import { compoundHead, pageTail } from "./head.js";
import type { ModelMap } from "./map.js";
import { COMPOUND_WORD, MAPPING, PRIVATE, REFCOUNT } from "./page.js";
import { hasPageType, pageHasType } from "./page-type.js";

/** MAX_PAGE_ORDER. */
const MAX_PAGE_ORDER = 10;

const deviceKinds: Record<MemoryType, UsageKind> = {
  private: "device-private",
  coherent: "device-coherent",
  "fs-dax": "device-fsdax",
  generic: "device-generic",
  "pci-p2pdma": "device-p2pdma",
};

/** Which pgmap's type a word at +8 names; null where it names none. */
type TypeOfWord = (word: bigint) => MemoryType | null;

/** What a page is used for; null where it does not exist, or leads nowhere. */
export function usageKind(map: ModelMap, pfn: number, typeOfWord: TypeOfWord = () => null): UsageKind | null {
  const head = compoundHead(map, pfn);
  return head === null ? null : kindOfHead(map, head, typeOfWord);
}

function kindOfHead(map: ModelMap, head: number, typeOfWord: TypeOfWord): UsageKind {
  if (isDevice(map, head)) {
    const word = map.u64(head, COMPOUND_WORD);
    const type = typeOfWord(word);
    if (type !== null) return deviceKinds[type];
    return word === BigInt.asUintN(64, map.addressOf(head) + 8n) ? "device-altmap" : "device-unknown";
  }
  const idle = map.i32(head, REFCOUNT) === 0;
  if (isType(map, head, "buddy") || (idle && isFreeBuddyPage(map, head))) return "free";
  if (isType(map, head, "offline")) return "offline";
  if (isType(map, head, "table")) return "pgtable";
  if (isType(map, head, "guard")) return "guard";
  if (isMarked(map, head, "hugetlb") && folioTestHugetlb(map, head)) return "hugetlb";
  if (isMarked(map, head, "slab") && folioTestSlab(map, head)) return "slab";
  if (isType(map, head, "zsmalloc")) return "zsmalloc";
  if (isType(map, head, "unaccepted")) return "unaccepted";
  if (isType(map, head, "large_kmalloc")) return "large-kmalloc";
  const mapping = map.u64(head, MAPPING);
  if ((mapping & 3n) === 3n) return "ksm";
  if ((mapping & 1n) === 1n) return "anon";
  if ((mapping & 2n) === 2n) return "movable";
  if (mapping !== 0n) return hasFlagBit(map, head, "swapbacked") ? "shmem" : "file";
  if (hasFlagBit(map, head, "reserved")) return "reserved";
  return idle && !pageHasType(map, head) ? "free-pcp" : "other";
}

function isDevice(map: ModelMap, pfn: number): boolean {
  return map.profile.zones[pageZone(map, pfn)] === "DEVICE";
}

function isType(map: ModelMap, pfn: number, name: string): boolean {
  return Object.hasOwn(map.profile.pageTypes.types, name) && hasPageType(map, pfn, name);
}

/** A destructor stands in page 1, which a head that is none may not have. */
function isMarked(map: ModelMap, head: number, kind: "hugetlb" | "slab"): boolean {
  return map.profile[kind].by !== "dtor" || map.has(head + 1);
}

/** is_free_buddy_page: some page before, or this one, leads a free block that reaches here. */
export function isFreeBuddyPage(map: ModelMap, pfn: number): boolean {
  for (let order = 0; order <= MAX_PAGE_ORDER; order++) {
    const head = pfn - (pfn % 2 ** order);
    if (map.has(head) && leadsFreeBlock(map, head) && map.u64(head, PRIVATE) >= BigInt(order)) return true;
  }
  return false;
}

function leadsFreeBlock(map: ModelMap, pfn: number): boolean {
  return isType(map, pfn, "buddy") && !pageTail(map, pfn) && !isDevice(map, pfn);
}
