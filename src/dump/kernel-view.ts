/** What is read of a dump's kernel before any slot, once however many maps are made of it. */
import { VmemmapError } from "../errors.js";
import { defineProfile, type Profile } from "../profile/index.js";
import type { Section } from "../sections.js";
import { lossFacts } from "./cut-short.js";
import { type Fact, hex } from "./fact.js";
import { findVmcoreinfo } from "./find-vmcoreinfo.js";
import { KernelMemory, pageTablesOf } from "./kernel-memory.js";
import { type KernelProfile, profileOf } from "./kernel-profile.js";
import { checkKernel, physmemBits } from "./limits.js";
import type { TellStage } from "./load-progress.js";
import { type Dump, FRAME_BYTES, FrameState } from "./memory.js";
import { pageOffsetFacts } from "./page-offset.js";
import { findSections, readSectionTable } from "./sections.js";
import { findVmemmapBase } from "./vmemmap-base.js";
import { Vmcoreinfo } from "./vmcoreinfo.js";

/** A kernel in a dump: where its slots are, and what they mean. */
export interface KernelView {
  readonly dump: Dump;
  readonly info: Vmcoreinfo;
  readonly kernel: KernelMemory;
  /** MAX_PHYSMEM_BITS */
  readonly bits: number;
  /** Of its vmemmap. */
  readonly base: bigint;
  readonly profile: Profile;
  readonly pgmapArray: KernelProfile["pgmapArray"];
  /** By rising number; at least one. */
  readonly sections: readonly Section[];
  /** In the order they are told: the machine's, what its slots add, then the layout's. */
  readonly facts: { readonly machine: readonly Fact[]; readonly layout: readonly Fact[] };
}

/** Read a kernel. @throws VmemmapError "bad-dump", "unsupported-dump", "unreadable" */
export async function readKernel(dump: Dump, tell: TellStage, signal?: AbortSignal): Promise<KernelView> {
  tell("vmcoreinfo", 0, 1);
  const { info, facts: infoFacts } = await vmcoreinfoOf(dump, (done) => tell("vmcoreinfo", done, dump.memory.endFrame));
  checkKernel(info);
  const kernel = new KernelMemory(dump.memory, pageTablesOf(info));
  checkRoot(kernel);
  const bits = physmemBits(info, kernel.levels);

  tell("page tables", 0, 1);
  const told = await readSectionTable(kernel, info, bits);
  const found = await findVmemmapBase(kernel, info, { table: told, bits }, signal);
  const { sections, facts: sectionFacts } = await findSections(kernel, found.base, found, signal);
  if (sections.length === 0) throw new VmemmapError("bad-dump", "the kernel has no section of memory");
  const kernelProfile = await profileOf(info, kernel);
  return {
    dump,
    info,
    kernel,
    bits,
    base: found.base,
    profile: defineProfile(kernelProfile.profile, { vmemmapBase: found.base }),
    pgmapArray: kernelProfile.pgmapArray,
    sections,
    facts: {
      machine: [
        ...lossFacts(dump.details),
        ...infoFacts,
        ...kernelFacts(info, kernel, bits),
        ...found.facts,
        ...(await pageOffsetFacts(kernel, info)),
        ...sectionFacts,
      ],
      layout: kernelProfile.facts,
    },
  };
}

async function vmcoreinfoOf(
  { vmcoreinfo, memory }: Dump,
  progress: (frames: number) => void,
): Promise<{ info: Vmcoreinfo; facts: readonly Fact[] }> {
  if (vmcoreinfo !== null) return { info: new Vmcoreinfo(vmcoreinfo), facts: [] };
  const { info, pfn, hits } = await findVmcoreinfo(memory, progress);
  return { info, facts: [{ name: "vmcoreinfo", value: `PFN ${pfn}`, from: `search of memory, ${hits} found` }] };
}

/** Without its root there is no way into the kernel's memory. */
function checkRoot({ memory, tables: { root } }: KernelMemory): void {
  const state = memory.stateOf(root);
  if (state === FrameState.HERE) return;
  const why = state === FrameState.FILTERED ? "was left out of the dump" : "is not in the dump";
  throw new VmemmapError(
    "bad-dump",
    `VMCOREINFO puts the kernel's root page table at physical address ${hex(root * FRAME_BYTES)}, and that frame ${why}`,
  );
}

function kernelFacts(info: Vmcoreinfo, kernel: KernelMemory, bits: number): Fact[] {
  const { root, levels, smeMask } = kernel.tables;
  const from = "VMCOREINFO";
  const optional: [string, Fact["value"] | undefined, string][] = [
    ["release", info.osrelease, "OSRELEASE"],
    ["buildId", info.buildId, "BUILD-ID"],
    ["physBase", info.integer("phys_base"), "NUMBER(phys_base)"],
    ["kernelOffset", info.kernelOffset, "KERNELOFFSET"],
    ["pagingLevels", levels, info.has("NUMBER(pgtable_l5_enabled)") ? "NUMBER(pgtable_l5_enabled)" : "default"],
    ["pageTablesFrame", root, info.has("SYMBOL(init_top_pgt)") ? "SYMBOL(init_top_pgt)" : "SYMBOL(swapper_pg_dir)"],
    ["smeMask", smeMask, info.has("NUMBER(sme_mask)") ? "NUMBER(sme_mask)" : "default"],
    ["maxPhysmemBits", bits, info.has("NUMBER(MAX_PHYSMEM_BITS)") ? "NUMBER(MAX_PHYSMEM_BITS)" : "paging levels"],
  ];
  return optional.flatMap(([name, value, key]) =>
    value === undefined ? [] : [{ name, value, from: `${from} ${key}` }],
  );
}
