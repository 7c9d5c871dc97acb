/** A dump from open to census, stage by stage, and beside it the time to read the same frames alone. */
import type { LoadStage } from "../../src/dump/load-progress.js";
import { openVmcore } from "../../src/dump/open-vmcore.js";
import { collectGarbage } from "../memory.js";
import { FrameReading } from "./frame-reading.js";

/** "unpack": a dump packed as a whole, to a temporary file. "kernel": VMCOREINFO, page tables, sections, the profile. */
export const STAGES = ["open", "unpack", "kernel", "slots", "check", "census"] as const;
export type Stage = (typeof STAGES)[number];

const STAGE_OF: Readonly<Record<LoadStage, Stage>> = {
  open: "open",
  unpack: "unpack",
  vmcoreinfo: "kernel",
  "page tables": "kernel",
  slots: "slots",
  check: "check",
};

/** What is measured in a process of its own. */
export interface OpenTask {
  readonly source: string;
  /** Undefined: as many as help. */
  readonly threads?: number | undefined;
  readonly rounds: number;
}

/** Once from open to census, in milliseconds. */
export interface Opening {
  readonly stages: Readonly<Record<Stage, number>>;
  /** Null where the source is an image: its slots are no frames. */
  readonly readingAlone: number | null;
}

export interface OpenFigures {
  readonly pages: number;
  /** Bytes: the process's peak when the first map was made and counted. */
  readonly maxRss: number;
  /** The first one starts cold: modules to load, code to compile. */
  readonly openings: readonly Opening[];
}

/** Opens the source again and again, and reads its frames alone in turn. */
export async function measureOpenings({ source, threads, rounds }: OpenTask): Promise<OpenFigures> {
  const reading = new FrameReading(source, threads);
  const openings: Opening[] = [];
  let pages = 0;
  let maxRss = 0;
  for (let round = 0; round < rounds; round++) {
    const clock = new StageClock();
    const map = await openVmcore(source, {
      ...(threads !== undefined && { threads }),
      onProgress: ({ stage }) => clock.enter(STAGE_OF[stage]),
      onUnpack: () => clock.enter("unpack"),
    });
    clock.enter("census");
    ({ pages } = map.census());
    const stages = clock.stop();
    if (round === 0) {
      maxRss = process.resourceUsage().maxRSS * 1024;
      await reading.prepare(map);
    }
    map.dispose();
    collectGarbage();
    openings.push({ stages, readingAlone: await reading.time() });
    collectGarbage();
  }
  return { pages, maxRss, openings };
}

/** Milliseconds by stage. */
class StageClock {
  readonly #spent: Record<Stage, number> = { open: 0, unpack: 0, kernel: 0, slots: 0, check: 0, census: 0 };
  #stage: Stage = "open";
  #since = performance.now();

  enter(stage: Stage): void {
    const now = performance.now();
    this.#spent[this.#stage] += now - this.#since;
    this.#stage = stage;
    this.#since = now;
  }

  stop(): Record<Stage, number> {
    this.enter(this.#stage);
    return this.#spent;
  }
}
