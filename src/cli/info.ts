import type { PgmapRecord } from "../image/image.js";
import { PAGES_PER_SECTION, type Section } from "../sections.js";
import { sizeOf } from "../picture/picture.js";
import { partIn } from "../dump/parts.js";
import type { Machine } from "../dump/vmcore.js";
import { defineCommand } from "./command.js";
import { describe, type Described } from "./described.js";
import { factValue } from "./facts.js";
import { bytesText, detailText, factText, pagesText } from "./told.js";
import { withSource } from "./source.js";
import { tableText } from "./table.js";

/** Sections in a row that are alike. */
interface SectionRun {
  readonly start: number;
  readonly end: number;
  readonly early: boolean;
  readonly online: boolean;
  readonly taintZoneDevice: boolean;
  readonly partial: boolean;
}

const ALL_SUBSECTIONS = (1n << 64n) - 1n;

/** Neighbours of the same flags as one line. */
function runsOf(sections: readonly Section[]): SectionRun[] {
  const runs: SectionRun[] = [];
  for (const { number, early, online, taintZoneDevice, subsections } of sections) {
    const partial = subsections !== ALL_SUBSECTIONS;
    const start = number * PAGES_PER_SECTION;
    const last = runs.at(-1);
    const joins =
      last?.end === start &&
      last.early === early &&
      last.online === online &&
      last.taintZoneDevice === taintZoneDevice &&
      last.partial === partial;
    if (joins) runs.pop();
    runs.push({
      start: joins ? last.start : start,
      end: start + PAGES_PER_SECTION,
      early,
      online,
      taintZoneDevice,
      partial,
    });
  }
  return runs;
}

function sectionsText(sections: readonly Section[]): string {
  const rows = runsOf(sections).map((run) => [
    String(run.start),
    String(run.end),
    sizeOf(run.end - run.start),
    [
      run.early ? "early" : "hotplugged",
      run.online ? "online" : "offline",
      ...(run.taintZoneDevice ? ["a device range ends inside"] : []),
      ...(run.partial ? ["not all of it is memory"] : []),
    ].join(", "),
  ]);
  return tableText(
    [
      { title: "first pfn", align: "right" },
      { title: "end pfn", align: "right" },
      { title: "size", align: "right" },
      { title: "sections" },
    ],
    rows,
  );
}

function pgmapsText(pgmaps: readonly PgmapRecord[]): string {
  return tableText(
    [
      { title: "pgmap" },
      { title: "type" },
      { title: "pfns" },
      { title: "shift", align: "right" },
      { title: "owner" },
      { title: "altmap" },
    ],
    pgmaps.map(({ address, typeName, ranges, vmemmapShift, owner, altmap }) => [
      `0x${address.toString(16)}`,
      typeName,
      ranges.map(({ start, end }) => `${start}:${end}`).join(" "),
      String(vmemmapShift),
      owner === null ? "?" : owner === 0n ? "none" : `0x${owner.toString(16)}`,
      altmap === null ? "none" : `${altmap.reserve} reserved, ${altmap.free} for slots, ${altmap.alloc} used`,
    ]),
  );
}

/** What the dump's own header says. */
function containerOf({ provenance }: Described): string[][] {
  const { format, details } = provenance;
  const told = typeof details === "object" && details !== null ? Object.entries(details) : [];
  return [
    ...(typeof format === "string" ? [["format", format]] : []),
    ...told.flatMap(([name, value]) => {
      const line = detailText(name, value);
      return line === null ? [] : [[...line]];
    }),
  ];
}

function infoText(machine: Machine, map: Described, name: string): string {
  const { savedBytes } = map.vmemmapUsage;
  const part = partIn(map.provenance);
  const filtered = map.filtered.reduce((sum, { count }) => sum + count, 0);
  const summary = [
    ["source", name],
    ["kernel", String(factValue(machine, "release") ?? machine.profile.name)],
    ["struct pages", `${map.slots}, of ${sizeOf(map.slots)} of memory`],
    ...(part === null
      ? []
      : [
          [
            "part",
            `${part.sections} of ${part.ofSections} sections, PFNs ${part.start} to ${part.start + part.count - 1}`,
          ],
        ]),
    ["left out by a filter", filtered === 0 ? "none" : pagesText(filtered)],
    ["shown from shared frames", savedBytes === 0 ? "none" : `${bytesText(savedBytes)} saved`],
    ["lookups", map.lookups],
  ];
  const unknown = map.provenance["unknown"];
  const container = containerOf(map);
  const parts = [
    tableText([{ title: "map" }, { title: "" }], summary),
    ...(container.length > 0 ? [tableText([{ title: "container" }, { title: "" }], container)] : []),
    sectionsText(machine.sections),
    ...(map.pgmaps.length > 0 ? [pgmapsText(map.pgmaps)] : []),
    tableText(
      [{ title: "fact" }, { title: "value" }, { title: "from" }],
      map.facts.map(({ name, value, from }) => [name, factText(name, value), from]),
    ),
    ...(Array.isArray(unknown)
      ? [`A reconstruction, which can't know:\n${unknown.map((item) => `  ${item}\n`).join("")}`]
      : []),
  ];
  return parts.join("\n");
}

export default defineCommand({
  name: "info",
  summary: "which kernel and machine it is, how its pages are laid out, and where each fact comes from",
  operands: ["SOURCE"],
  options: {},
  details: `Shows the kernel's release, the encoding of tails, where the struct pages stand, flag numbers and field offsets, each with
its origin: the dump's VMCOREINFO, the kernel's BTF in the dump, or the newest preset not above its release. Then the sections of
memory and the device page maps. Empty fields of the container are left out, dates and sizes are as people read them (+64 is an
offset, in bytes); --json has all values as they are.`,
  examples: [
    { line: "vmemmap info vmcore", says: "all of it as tables" },
    { line: "vmemmap info vmcore --json", says: "the same for another program" },
  ],
  async run({ operands, options, host }) {
    const [name] = operands;
    await withSource({ options, host }, name!, async (source) => {
      const { machine } = source;
      const told = await describe(source);
      if (!options.json) {
        await host.stdout.write(infoText(machine, told, name!));
        return;
      }
      const { slots, facts, filtered, pgmaps, vmemmapUsage } = told;
      const { facts: _facts, ...provenance } = told.provenance;
      await host.stdout.json({
        source: name!,
        slots,
        vmemmapBase: machine.vmemmapBase,
        facts,
        sections: machine.sections,
        filtered,
        pgmaps,
        vmemmapUsage,
        provenance,
      });
    });
    return 0;
  },
});
