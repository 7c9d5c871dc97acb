/** The one way to name where maps come from: the path of a dump, or `live`; and how a command gets at them. */
import type { LoadProgress, LoadStage } from "../dump/load-progress.js";
import { openLive } from "../dump/open-live.js";
import { openVmcoreFile } from "../dump/open-vmcore.js";
import { DEFAULT_WINDOW_PAGES, sectionsMeeting } from "../dump/parts.js";
import type { Machine } from "../dump/vmcore.js";
import { sizeOf } from "../picture/picture.js";
import { PAGES_PER_SECTION } from "../sections.js";
import type { PfnRange } from "../types.js";
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

/** An open source. Slots are read when a map is asked for, and no more of them than are needed. */
export interface Source {
  /** What is known without a slot. */
  readonly machine: Machine;
  /** PFNs of a window: where they are cut. */
  readonly pagesPerWindow: number;
  /** Whether the map of a range, or of all, fits one memory. */
  fits(range?: PfnRange): boolean;
  /** A map that has the pages of a range, or all; it goes when the command ends. */
  map(range?: PfnRange): Promise<Vmemmap>;
  /**
   * The same as one map where it fits, else as one after the other, by windows: each goes when the next is asked for.
   *
   * @param cut by windows in any case
   */
  windows(range?: PfnRange, cut?: boolean): AsyncGenerator<Vmemmap, void>;
}

export interface OpenSource extends Source {
  close(): Promise<void>;
}

export interface SourceCall {
  readonly options: { readonly part: readonly string[] };
  readonly host: Host;
}

/** The files that a call reads. */
export function filesOf({ options }: Pick<SourceCall, "options">, name: string): readonly string[] {
  return name === LIVE ? [] : [name, ...options.part];
}

/**
 * Have `use` work with the source that an operand names, with progress on a terminal; stops when the host says so.
 *
 * @throws VmemmapError "bad-argument", "unreadable", "bad-dump", "bad-image", "unsupported-dump", "out-of-memory", "no-space"
 */
export async function withSource<T>(call: SourceCall, name: string, use: (source: Source) => Promise<T>): Promise<T> {
  const progress = new Progress(call.host);
  try {
    const source = await (name === LIVE ? openLiveSource(call, progress) : openFileSource(call, name, progress));
    try {
      return await use(source);
    } finally {
      await source.close();
    }
  } finally {
    progress.clear();
  }
}

function loading({ host }: SourceCall, progress: Progress) {
  return {
    signal: host.signal,
    onProgress: ({ stage, done, total }: LoadProgress) => {
      const [what, unit] = STAGES[stage];
      progress.update({ what, done, total, unit });
    },
  };
}

async function openLiveSource(call: SourceCall, progress: Progress): Promise<OpenSource> {
  if (call.options.part.length > 0) throw badUse("--part: live is no dump that is split");
  const map = await openLive({
    ...loading(call, progress),
    onFallback: (reason) => {
      progress.clear();
      void call.host.stderr.write(
        `${reason}; the map is rebuilt from /proc/kpageflags: vmemmap info live says what is not known\n`,
      );
    },
  });
  progress.clear();
  return wholeSource(map);
}

/** A source that is read as a whole, whatever is asked of it. */
export function wholeSource(map: Vmemmap): OpenSource {
  // As of a dump, a range without memory is refused.
  const check = (range: PfnRange | undefined) => {
    if (range !== undefined) sectionsMeeting(map.sections, range);
  };
  return {
    machine: map,
    pagesPerWindow: Infinity,
    fits: () => true,
    // eslint-disable-next-line @typescript-eslint/require-await
    map: async (range) => {
      check(range);
      return map;
    },
    // eslint-disable-next-line @typescript-eslint/require-await
    windows: async function* (range) {
      check(range);
      yield map;
    },
    close: () => {
      map.dispose();
      return Promise.resolve();
    },
  };
}

async function openFileSource(call: SourceCall, name: string, progress: Progress): Promise<OpenSource> {
  const say = async (text: string) => {
    progress.clear();
    await call.host.stderr.write(`${text}\n`);
  };
  const vmcore = await openVmcoreFile([name, ...call.options.part], {
    ...loading(call, progress),
    onUnpack: (path, expectedBytes) => {
      const size = expectedBytes === null ? "" : ` (${expectedBytes} bytes)`;
      void say(`${name} is packed: unpacking it to ${path}${size}`);
    },
  });
  const maps: Vmemmap[] = [];
  const { pagesPerWindow = DEFAULT_WINDOW_PAGES } = call.host;
  const fits = (range?: PfnRange) => call.host.pagesPerWindow === undefined && vmcore.fits(range);
  return {
    machine: vmcore.machine,
    pagesPerWindow,
    fits,
    map: async (range) => {
      const map = await vmcore.map(range);
      progress.clear();
      maps.push(map);
      return map;
    },
    windows: async function* (range, cut = false) {
      const whole = !cut && fits(range);
      if (!whole) {
        const memory = sizeOf(vmcore.machine.sections.length * PAGES_PER_SECTION);
        await say(`${name} is of ${memory} of memory: read by windows of ${sizeOf(pagesPerWindow)}`);
      }
      for await (const map of vmcore.windows(whole ? Infinity : pagesPerWindow, range)) {
        progress.clear();
        yield map;
      }
    },
    close: async () => {
      for (const map of maps) map.dispose();
      await vmcore.close();
    },
  };
}
