import { detect } from "../../src/dump/detect.js";
import { KernelMemory, pageTablesOf } from "../../src/dump/kernel-memory.js";
import { type Dump, FRAME_BYTES, FrameState } from "../../src/dump/memory.js";
import { openNodeFile } from "../../src/dump/node-file.js";
import { openDumpFile } from "../../src/dump/open-file.js";
import { VMEMMAP_PAGES_PER_SECTION } from "../../src/dump/sections.js";
import { Vmcoreinfo } from "../../src/dump/vmcoreinfo.js";
import { SECTION_BYTES } from "../../src/sections.js";
import type { Vmemmap } from "../../src/vmemmap.js";

/** The frames that hold a map's slots, read in one go and looked at by nobody. */
export class FrameReading {
  /** Each once, rising. */
  #frames: Float64Array | null = null;

  constructor(
    private readonly source: string,
    private readonly threads: number | undefined,
  ) {}

  /** Finds out which frames a map was made of; none, if it was an image, or a dump without the note. */
  async prepare({ sections, vmemmapBase }: Vmemmap): Promise<void> {
    if (await isImage(this.source)) return;
    const dump = await this.#open();
    const { memory, vmcoreinfo } = dump;
    if (vmcoreinfo !== null) {
      const kernel = new KernelMemory(memory, pageTablesOf(new Vmcoreinfo(vmcoreinfo)));
      const frames = new Set<number>();
      for (const { number } of sections) {
        const start = vmemmapBase + BigInt(number) * BigInt(SECTION_BYTES);
        for (const frame of await kernel.framesOf(start, VMEMMAP_PAGES_PER_SECTION)) {
          if (frame >= 0 && memory.stateOf(frame) === FrameState.HERE) frames.add(frame);
        }
      }
      this.#frames = Float64Array.from(frames).sort();
    }
    await dump.close();
  }

  /** Milliseconds to read them, and before to unpack what is packed as a whole; null without any. */
  async time(): Promise<number | null> {
    const frames = this.#frames;
    if (frames === null) return null;
    let unpacking = 0;
    const dump = await this.#open(() => (unpacking = -performance.now()));
    if (unpacking !== 0) unpacking += performance.now();
    const start = performance.now();
    const reading = dump.memory.readFrames(frames, new Uint8Array(frames.length * FRAME_BYTES));
    if (reading !== undefined) await reading;
    const time = unpacking + performance.now() - start;
    await dump.close();
    return time;
  }

  #open(onUnpack: () => void = () => undefined): Promise<Dump> {
    const { source, threads } = this;
    return openDumpFile(openNodeFile(source), {
      ...(threads !== undefined && { threads }),
      spool: { onStart: onUnpack },
    });
  }
}

async function isImage(source: string): Promise<boolean> {
  const file = openNodeFile(source);
  const container = await detect(file);
  await file.close();
  return container === "image";
}
