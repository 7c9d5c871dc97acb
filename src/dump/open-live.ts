/** The kernel that runs here: by its memory where it shows that, else by what it says of each page. */
import { VmemmapError } from "../errors.js";
import { isNode } from "../host.js";
import type { LoadProgress } from "./load-progress.js";
import type { Build } from "../types.js";
import type { Vmemmap } from "../vmemmap.js";

export interface OpenLiveOptions {
  readonly build?: Build;
  readonly headIndex?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Called where the kernel's memory can't be read, and the map is a reconstruction: with the reason. */
  readonly onFallback?: (reason: string) => void;
  /** Where the kernel's files are. @default /proc and /sys */
  readonly proc?: string;
  readonly sys?: string;
}

/**
 * Open the map of the machine this runs on, as root: out of /proc/kcore where there is one, else rebuilt from /proc/kpageflags, kpagecount and
 * kpagecgroup, which its {@link Vmemmap.provenance} says with what can't be known. The kernel goes on meanwhile: neither is of one moment.
 *
 * @throws VmemmapError "unreadable": not Linux, not root; "unsupported-dump"; "out-of-memory"
 */
export async function openLive(options: OpenLiveOptions = {}): Promise<Vmemmap> {
  if (!isNode()) throw new VmemmapError("unreadable", "the running kernel: this host has no files, as Node has");
  return (await import("./live/open.js")).openLive(options);
}
