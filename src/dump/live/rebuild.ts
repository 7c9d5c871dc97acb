/** The machine this runs on: a map rebuilt from what its kernel tells of each page. For root, in Node on Linux. */
import { join } from "node:path";
import { VmemmapError } from "../../errors.js";
import { presetForRelease } from "../../profile/release.js";
import { PAGES_PER_SECTION, type Section } from "../../sections.js";
import type { Build } from "../../types.js";
import { Vmemmap } from "../../vmemmap.js";
import type { SlotOrigin } from "../../slot-origins.js";
import { type Fact, factRecord } from "../fact.js";
import type { LoadProgress } from "../load-progress.js";
import { KpageFile } from "./kpage-file.js";
import { describeMachine, optional } from "./machine.js";
import { Reconstruction } from "./reconstruct.js";

/** How to read the running machine. */
export interface LiveOptions {
  readonly build?: Build;
  readonly headIndex?: boolean;
  readonly signal?: AbortSignal;
  /** Called for each section that is read. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Where the kernel's files are. @default /proc and /sys */
  readonly proc?: string;
  readonly sys?: string;
}

/** What no file under /proc tells, as `info` shows it. */
export const LIVE_UNKNOWN = [
  "refcounts of pages in use (the slots have 1, or their mappings)",
  "mapping, index, private and list pointers (the slots have marks in mapping: 1 anonymous, 3 merged by KSM, 16 some file)",
  "orders of free blocks (the largest that fit)",
  "whether a folio is mapped whole or page by page",
  "pages of device memory (no file shows ZONE_DEVICE)",
  "pages that are free on a list of a CPU, and those of large kmallocs (both show as other)",
  "which frames HVO shares",
] as const;

/** Fields that follow from what the files tell. All others of a slot do not, whatever stands there in their place. */
const LIVE_WORDS: Readonly<Record<string, SlotOrigin>> = {
  flags: "derived",
  compound_head: "derived",
  compound_info: "derived",
  _mapcount: "derived",
  page_type: "derived",
  _order: "derived",
  _dtor: "derived",
  _nr_pages: "derived",
  _large_mapcount: "derived",
};

const liveSection = (number: number): Section => ({
  number,
  early: true,
  online: true,
  taintZoneDevice: false,
  subsections: 2n ** 64n - 1n,
});

/**
 * Rebuild the map of the running machine from /proc/kpageflags, kpagecount and kpagecgroup: heads, tails, orders and kinds, while
 * the machine goes on, so that the last page is read later than the first. The map's provenance says that it is a reconstruction,
 * and what it can't know.
 *
 * @throws VmemmapError "unreadable": not root, or no such files; "unsupported-dump": a kernel older than 5.15; "out-of-memory"
 */
export async function reconstructLive(options: LiveOptions = {}): Promise<Vmemmap> {
  const { proc = "/proc", sys = "/sys", signal, onProgress, build, headIndex } = options;
  const files: KpageFile[] = [];
  const open = (name: string): KpageFile => {
    const file = new KpageFile(join(proc, name));
    files.push(file);
    return file;
  };
  try {
    const flags = open("kpageflags");
    const counts = open("kpagecount");
    const cgroups = optional(() => open("kpagecgroup"));
    const machine = describeMachine(proc, sys);
    const preset = presetForRelease(machine.release);
    if (preset === null) {
      throw new VmemmapError(
        "unsupported-dump",
        `kernel release ${JSON.stringify(machine.release)}: expected 5.15 or newer`,
      );
    }
    const map = new Vmemmap({
      profile: preset.name,
      sections: machine.sections.map(liveSection),
      initialize: false,
      ...(build === undefined ? {} : { build }),
      ...(headIndex === undefined ? {} : { headIndex }),
    });
    const making = new Reconstruction(map, machine);
    const none = new Uint32Array(2 * PAGES_PER_SECTION);
    const total = machine.sections.length * PAGES_PER_SECTION;
    for (const [i, number] of machine.sections.entries()) {
      signal?.throwIfAborted();
      making.addSection(number, {
        flags: flags.readSection(number),
        counts: counts.readSection(number),
        cgroups: cgroups?.readSection(number) ?? none,
      });
      onProgress?.({ stage: "slots", done: i + 1, total: machine.sections.length });
      await new Promise(setImmediate);
    }
    signal?.throwIfAborted();
    const { torn, fakeHeads, silent } = making.finish();
    map.filtered = making.absent;
    const absent = making.absent.reduce((sum, { count }) => sum + count, 0);
    const facts: Fact[] = [
      { name: "release", value: machine.release, from: "/proc/version" },
      { name: "preset", value: preset.name, from: `preset ${preset.name} (${preset.rule})` },
      { name: "sections", value: machine.sections.length, from: machine.sectionsFrom },
      { name: "zones", value: machine.zones.length, from: "/proc/zoneinfo" },
      { name: "pages", value: total, from: "/proc/kpageflags" },
      { name: "tornPages", value: torn, from: "runs of kpageflags that are no folio" },
      { name: "fakeHeads", value: fakeHeads, from: "heads of kpageflags inside hugetlb pages" },
      { name: "silentPages", value: silent, from: "pages without a bit in kpageflags" },
      ...(absent === 0 ? [] : [{ name: "filtered", value: absent, from: "pages that are not online by kpageflags" }]),
    ];
    map.provenance = {
      format: "live",
      reconstruction: true,
      unknown: LIVE_UNKNOWN,
      // The inode number of the cgroup stands in for the kernel's pointer.
      words: cgroups === undefined ? LIVE_WORDS : { ...LIVE_WORDS, memcg_data: "derived" },
      facts: facts.map(factRecord),
    };
    return map;
  } finally {
    for (const file of files) file.close();
  }
}
