/** The one way to name where a map comes from: the path of a dump, or `live`. */
import type { LoadStage } from "../dump/load-map.js";
import { openVmcore } from "../dump/open-vmcore.js";
import type { Vmemmap } from "../vmemmap.js";
import type { Host } from "./host.js";
import { Progress } from "./progress.js";

/** The kernel that runs here. */
export const LIVE = "live";

/** What a stage does, and what it counts. */
const STAGES: Readonly<Record<LoadStage, readonly [what: string, unit: string]>> = {
  open: ["opening", "files"],
  vmcoreinfo: ["looking for VMCOREINFO", "frames"],
  "page tables": ["reading page tables", "tables"],
  slots: ["reading sections", "sections"],
  check: ["checking", "passes"],
};

/**
 * Open the map that an operand names, with progress on a terminal; stops when the host says so.
 *
 * @throws VmemmapError "unreadable", "bad-dump", "bad-image", "unsupported-dump", "out-of-memory", "no-space"
 */
export async function openSource(
  { options, host }: { readonly options: { readonly part: readonly string[] }; readonly host: Host },
  name: string,
): Promise<Vmemmap> {
  const progress = new Progress(host);
  try {
    return await openVmcore([name, ...options.part], {
      signal: host.signal,
      onProgress: ({ stage, done, total }) => {
        const [what, unit] = STAGES[stage];
        progress.update({ what, done, total, unit });
      },
    });
  } finally {
    progress.clear();
  }
}
