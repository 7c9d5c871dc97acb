import type { PgmapRecord } from "../image/image.js";
import { PAGES_PER_SECTION, type Section } from "../sections.js";
import { sizeOf } from "../picture/picture.js";
import type { Vmemmap } from "../vmemmap.js";
import { defineCommand } from "./command.js";
import { factsOf, factValue } from "./facts.js";
import { openSource } from "./source.js";
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

function sectionsText(map: Vmemmap): string {
  const rows = runsOf(map.sections).map((run) => [
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
function containerOf({ provenance }: Vmemmap): string[][] {
  const { format, details } = provenance;
  const told = typeof details === "object" && details !== null ? Object.entries(details) : [];
  return [
    ...(typeof format === "string" ? [["format", format]] : []),
    ...told.map(([name, value]) => [name, String(value)]),
  ];
}

function infoText(map: Vmemmap, name: string): string {
  const { savedBytes } = map.vmemmapUsage();
  const filtered = map.filtered.reduce((sum, { count }) => sum + count, 0);
  const summary = [
    ["source", name],
    ["kernel", String(factValue(map, "release") ?? map.profile.name)],
    ["struct pages", String(map.slots)],
    ["left out by a filter", String(filtered)],
    ["shown from shared frames", `${savedBytes} bytes saved`],
    ["lookups", `head index ${map.headIndex.state}, ${map.build} build`],
  ];
  const unknown = map.provenance["unknown"];
  const container = containerOf(map);
  const parts = [
    tableText([{ title: "map" }, { title: "" }], summary),
    ...(container.length > 0 ? [tableText([{ title: "container" }, { title: "" }], container)] : []),
    sectionsText(map),
    ...(map.pgmaps.length > 0 ? [pgmapsText(map.pgmaps)] : []),
    tableText(
      [{ title: "fact" }, { title: "value" }, { title: "from" }],
      factsOf(map).map(({ name, value, from }) => [name, String(value), from]),
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
memory and the device page maps.`,
  examples: [
    { line: "vmemmap info vmcore", says: "all of it as tables" },
    { line: "vmemmap info vmcore --json", says: "the same for another program" },
  ],
  async run({ operands, options, host }) {
    const map = await openSource({ options, host }, operands[0]!);
    if (options.json) {
      const { facts: _facts, ...provenance } = map.provenance;
      await host.stdout.json({
        source: operands[0]!,
        slots: map.slots,
        vmemmapBase: map.vmemmapBase,
        facts: factsOf(map),
        sections: map.sections,
        filtered: map.filtered,
        pgmaps: map.pgmaps,
        vmemmapUsage: map.vmemmapUsage(),
        provenance,
      });
    } else {
      await host.stdout.write(infoText(map, operands[0]!));
    }
    return 0;
  },
});
