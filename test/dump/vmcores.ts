/** The real dumps beside the repository, where they are: each folder's filtered ELF core, and what is known of its kernel. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ZSTDDecoder } from "zstddec";
import { KernelMemory, pageTablesOf } from "../../src/dump/kernel-memory.js";
import { FRAME_BYTES, FrameState, type PhysicalMemory } from "../../src/dump/memory.js";
import { Vmcoreinfo } from "../../src/dump/vmcoreinfo.js";

const root = process.env["VMEMMAP_VMCORES"] ?? fileURLToPath(new URL("../../../shared/vmcores", import.meta.url));

/** Names of the folders; none where they are not at hand. */
export const vmcores: readonly string[] = existsSync(root)
  ? readdirSync(root).filter((name) => existsSync(`${root}/${name}/facts.json`))
  : [];

export function vmcoreText(folder: string, file: string): string {
  return readFileSync(`${root}/${folder}/${file}`, "utf8");
}

/** A .zst file of the folder. */
export async function vmcoreBytes(folder: string, file: string, size: number): Promise<Uint8Array> {
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return decoder.decode(readFileSync(`${root}/${folder}/${file}`), size);
}

/** The kernel of a folder: its VMCOREINFO, and its memory as the filtered ELF core has it. */
export async function openKernel(folder: string): Promise<{ info: Vmcoreinfo; kernel: KernelMemory }> {
  const info = new Vmcoreinfo(vmcoreText(folder, "vmcoreinfo.txt"));
  const memory = elfMemory(await vmcoreBytes(folder, "vmcore-filtered.elf.zst", 2 ** 28));
  return { info, kernel: new KernelMemory(memory, pageTablesOf(info)) };
}

/** Frames of an ELF core's PT_LOADs: whole pages, each frame once. */
function elfMemory(elf: Uint8Array): PhysicalMemory {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  const frames = new Map<number, number>();
  const headers = u64(32);
  for (let i = 0; i < view.getUint16(56, true); i++) {
    const at = headers + i * 56;
    if (view.getUint32(at, true) !== 1) continue;
    const [offset, physical, size] = [u64(at + 8), u64(at + 24), u64(at + 32)];
    for (let byte = 0; byte < size; byte += FRAME_BYTES) frames.set((physical + byte) / FRAME_BYTES, offset + byte);
  }
  return {
    endFrame: Math.max(...frames.keys()) + 1,
    stateOf: (frame) => (frames.has(frame) ? FrameState.HERE : FrameState.ABSENT),
    readFrames: (wanted, out) => {
      for (let i = 0; i < wanted.length; i++) {
        const at = frames.get(wanted[i]!);
        if (at === undefined) out.fill(0, i * FRAME_BYTES, (i + 1) * FRAME_BYTES);
        else out.set(elf.subarray(at, at + FRAME_BYTES), i * FRAME_BYTES);
      }
      return undefined;
    },
  };
}
