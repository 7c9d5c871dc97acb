/** The one way to name where a map comes from: the path of a dump, or `live`. */
import type { LoadProgress, LoadStage } from "../dump/load-progress.js";
import { openLive } from "../dump/open-live.js";
import { openVmcore } from "../dump/open-vmcore.js";
import type { Vmemmap } from "../vmemmap.js";
import { badUse } from "./arguments.js";
import type { Host } from "./host.js";
import { Progress } from "./progress.js";

/** The kernel that runs here. */
export const LIVE = "live";

/** What a stage does, and what it counts. */
const STAGES: Readonly<Record<LoadStage, readonly [what: string, unit: string]>> = {
  open: ["opening", "files"],
  unpack: ["unpacking", "bytes"],
  vmcoreinfo: ["looking for VMCOREINFO", "frames"],
  "page tables": ["reading page tables", "tables"],
  slots: ["reading sections", "sections"],
  check: ["checking", "passes"],
};

/**
 * Open the map that an operand names, with progress on a terminal; stops when the host says so.
 *
 * @throws VmemmapError "bad-argument", "unreadable", "bad-dump", "bad-image", "unsupported-dump", "out-of-memory", "no-space"
 */
export async function openSource(
  { options, host }: { readonly options: { readonly part: readonly string[] }; readonly host: Host },
  name: string,
): Promise<Vmemmap> {
  const progress = new Progress(host);
  const say = (text: string) => {
    progress.clear();
    void host.stderr.write(`${text}\n`);
  };
  const common = {
    signal: host.signal,
    onProgress: ({ stage, done, total }: LoadProgress) => {
      const [what, unit] = STAGES[stage];
      progress.update({ what, done, total, unit });
    },
  };
  try {
    if (name === LIVE) {
      if (options.part.length > 0) throw badUse("--part: live is no dump that is split");
      return await openLive({
        ...common,
        onFallback: (reason) =>
          say(`${reason}; the map is rebuilt from /proc/kpageflags: vmemmap info live says what is not known`),
      });
    }
    return await openVmcore([name, ...options.part], {
      ...common,
      onUnpack: (path, expectedBytes) => {
        const size = expectedBytes === null ? "" : ` (${expectedBytes} bytes)`;
        say(`${name} is packed: unpacking it to ${path}${size}`);
      },
    });
  } finally {
    progress.clear();
  }
}
