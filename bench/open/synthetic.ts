import { openVmcore } from "../../src/dump/open-vmcore.js";
import { Vmemmap } from "../../src/vmemmap.js";
import { join } from "node:path";
import { packageRoot } from "../package.js";
import { tile } from "../tile.js";
import { syntheticKernel } from "./synthetic-kernel.js";
import type { DumpContent } from "./write-dump.js";

/** Whose map is tiled. */
export const TILED = "linux-7.3.4-hvo";

/** The memory of a machine whose map is copies of a real one: page tables, mem_section and slots, none of them shared. */
export async function syntheticMachine(slots: number): Promise<DumpContent> {
  const image = await openVmcore(join(packageRoot(), "maps", `${TILED}.vmemmap`));
  const map = new Vmemmap({
    profile: image.profile,
    vmemmapBase: image.vmemmapBase,
    memory: [{ start: 0, end: slots }],
    initialize: false,
  });
  tile(image, map);
  image.dispose();
  const { frames, vmcoreinfo } = syntheticKernel(map);
  map.dispose();
  return { frames, vmcoreinfo };
}
