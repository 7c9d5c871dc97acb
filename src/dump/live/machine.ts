/** What the kernel says of its memory outside the files about pages. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { VmemmapError } from "../../errors.js";
import { read } from "./kpage-file.js";
import {
  type FrameSpan,
  parseIomem,
  parseRam,
  parseRelease,
  parseZoneinfo,
  sectionsOfRanges,
  type ZoneSpan,
} from "./zoneinfo.js";

const text = (path: string) => read(path, () => readFileSync(path, "utf8"));

/** What a directory or file that not every machine has holds; undefined without it. */
export function optional<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** Numbers of the sections in memory blocks that are online, by /sys; null where the kernel has no hotplug. */
function onlineSections(sys: string): number[] | null {
  const root = join(sys, "devices/system/memory");
  const size = optional(() => Number(`0x${readFileSync(join(root, "block_size_bytes"), "utf8").trim()}`));
  const names = optional(() => readdirSync(root)) ?? [];
  if (size === undefined || !Number.isSafeInteger(size)) return null;
  const pages = size / 4096;
  const ranges = names.flatMap((name) => {
    const number = /^memory(\d+)$/.exec(name)?.[1];
    const state = optional(() => readFileSync(join(root, name, "state"), "utf8").trim());
    const start = Number(number) * pages;
    return number !== undefined && state === "online" ? [{ start, end: start + pages }] : [];
  });
  return ranges.length === 0 ? null : sectionsOfRanges(ranges);
}

/** Pages that are merged now; 0 where the kernel has no KSM. */
function ksmPages(sys: string): number {
  return Number(optional(() => readFileSync(join(sys, "kernel/mm/ksm/pages_shared"), "utf8")) ?? 0);
}

export interface Machine {
  readonly release: string;
  readonly zones: readonly ZoneSpan[];
  /** Numbers of those that are online, rising. */
  readonly sections: readonly number[];
  /** Which file told them. */
  readonly sectionsFrom: string;
  /** PFNs of RAM; none where /proc/iomem does not tell. */
  readonly ram: readonly FrameSpan[];
  /** KSM has merged pages. */
  readonly ksm: boolean;
}

/** @throws VmemmapError "unreadable" */
export function describeMachine(proc: string, sys: string): Machine {
  const release = parseRelease(text(join(proc, "version")));
  if (release === null)
    throw new VmemmapError("unreadable", `live: ${join(proc, "version")}: expected "Linux version …"`);
  const zones = parseZoneinfo(text(join(proc, "zoneinfo")));
  const online = onlineSections(sys);
  const sections = online ?? sectionsOfRanges(parseIomem(text(join(proc, "iomem"))));
  if (sections.length === 0) {
    throw new VmemmapError(
      "unreadable",
      `live: ${join(proc, "iomem")}: expected ranges of System RAM, which only root sees`,
    );
  }
  const sectionsFrom = online === null ? "System RAM of /proc/iomem" : "online blocks of /sys/devices/system/memory";
  const ram = parseRam(optional(() => readFileSync(join(proc, "iomem"), "utf8")) ?? "");
  return { release, zones, sections, sectionsFrom, ram, ksm: ksmPages(sys) > 0 };
}
