import { partIn } from "../dump/parts.js";
import { pageReport, type PageReport, type PgmapReport, type ReportedField } from "../page-report.js";
import type { Vmemmap } from "../vmemmap.js";
import { defineCommand } from "./command.js";
import { withSource } from "./source.js";
import { type Place, placeOf, WHERE_HELP } from "./where-page.js";

/** `vmemmap page`: everything about a page. */
export default defineCommand({
  name: "page",
  summary: "everything about a page: fields, flags, folio, kind, counts, pgmap, bytes",
  operands: ["SOURCE", "WHERE..."],
  options: {},
  details: WHERE_HELP,
  examples: [
    { line: "vmemmap page vmcore 5120", says: "by PFN" },
    { line: "vmemmap page vmcore phys:0x1400abc 0x1401 --json", says: "two pages, as JSON" },
  ],
  async run(call) {
    const { operands, options, host } = call;
    const [name, ...wheres] = operands;
    await withSource(call, name!, async (source) => {
      // All of them, before a word is said of one.
      const places = wheres.map((where) => ({ where, place: placeOf(source.machine, where) }));
      const pages: {
        readonly where: string;
        readonly place: Place;
        readonly report: PageReport;
        readonly isPart: boolean;
      }[] = [];
      let map: Vmemmap | undefined;
      for (const { where, place } of places) {
        if (map?.pfnValid(place.pfn) !== true) map = await source.map({ start: place.pfn, count: 1 });
        pages.push({ where, place, report: pageReport(map, place.pfn), isPart: partIn(map.provenance) !== null });
      }
      if (options.json) {
        await host.stdout.json({ pages: pages.map(({ where, place, report }) => jsonOf(where, place, report)) });
      } else {
        await host.stdout.write(pages.map(({ place, report, isPart }) => textOf(place, report, isPart)).join("\n"));
      }
    });
    return 0;
  },
});

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function jsonOf(where: string, { by, offset }: Place, report: PageReport): object {
  return { where, by, offset, ...report, bytes: hexOf(report.bytes) };
}

function textOf({ by, offset }: Place, page: PageReport, isPart: boolean): string {
  const lines: [name: string, value: string][] = [
    ["found by", offset === 0 ? by : `${by}, ${hex(offset)} bytes into it`],
    ["kind", page.kind ?? "not known: its word leads to no head"],
    ["compound", compoundOf(page)],
    ["refcount", page.refcount === null ? "not known" : String(page.refcount)],
    ["mapcount", page.mapcount === null ? "not known" : String(page.mapcount)],
    ["type", page.type ?? "none"],
    ["zone", `${page.zone} ${page.zoneName ?? "(no zone has this number)"}`],
    ["node", String(page.node)],
    ["flags", [...page.flagNames, ...fieldsOfFlags(page)].join(" ") || "none"],
  ];
  if (page.pgmap !== null) lines.push(["pgmap", pgmapOf(page.pgmap)]);
  if (page.alias !== null) lines.push(["alias", aliasOf(page.alias, isPart)]);
  if (page.filtered) lines.push(["filtered", "its source lacks this struct page: what reads as zero is not known"]);
  const { folio } = page;
  if (folio !== null) {
    lines.push(
      ["folio", `PFNs ${folio.pfn} to ${folio.pfn + folio.nrPages - 1}, order ${folio.order}, ${folio.nrPages} pages`],
      ["  refcount", folio.refcount === null ? "not known" : String(folio.refcount)],
      ["  mapcount", `${folio.mapcount}${folio.maybeMappedShared === true ? ", maybe shared" : ""}`],
    );
    for (const [name, value] of [
      ["  large mapcount", folio.largeMapcount],
      ["  entire mapcount", folio.entireMapcount],
      ["  pages mapped", folio.nrPagesMapped],
      ["  pincount", folio.pincount],
    ] as const)
      if (value !== null) lines.push([name, String(value)]);
    lines.push(["  flags", [...folio.flagNames, ...folio.secondFlagNames].join(" ") || "none"]);
  }
  const head = `PFN ${page.pfn}, physical ${hex(page.physical)}, struct page ${hex(page.page)}`;
  const facts = lines.map(([name, value]) => `  ${name.padEnd(18)}${value}`);
  return [head, ...facts, ...rawLines(page), ""].join("\n");
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

function compoundOf({ pfn, compound, head, order }: PageReport): string {
  if (compound === null || head === null) return "not known: its word leads to no head";
  if (compound === "single") return "single page";
  return compound === "head" ? `head, order ${order}` : `tail ${pfn - head} of head ${head}, order ${order}`;
}

function fieldsOfFlags({ lastCpupid, lruGen, lruRefs }: PageReport): string[] {
  return [["last_cpupid", lastCpupid] as const, ["lru_gen", lruGen] as const, ["lru_refs", lruRefs] as const].flatMap(
    ([name, value]) => (value === null ? [] : [`${name}=${value}`]),
  );
}

function pgmapOf({ address, type, ranges }: PgmapReport): string {
  if (type === null) return `${hex(address)}: none that is known, so the word is stale or no pgmap's`;
  return `${hex(address)}: ${type}, ${ranges.map(([start, end]) => `PFNs ${start} to ${end - 1}`).join(", ")}`;
}

function aliasOf({ isAlias, home, pages }: NonNullable<PageReport["alias"]>, isPart: boolean): string {
  const others = `${pages} pages of the vmemmap${isPart ? ", of those around," : ""} show this frame`;
  if (!isAlias) return `no: the frame is its own, but ${others}`;
  return `yes: ${others}${home === null ? "" : `, that of PFN ${home} by rights`}`;
}

/** The 64 bytes, a word a line, beside the fields that stand in it. */
function rawLines({ bytes, fields }: PageReport): string[] {
  const inWord = (offset: number) => fields.filter((field) => Math.floor(field.offset / 8) === offset / 8);
  return Array.from({ length: 8 }, (_, i) => {
    const part = Array.from(bytes.subarray(8 * i, 8 * i + 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    return `  +${String(8 * i).padEnd(4)}${part}  ${inWord(8 * i)
      .map(fieldText)
      .join("  ")}`;
  });
}

function fieldText({ name, bytes, value, known }: ReportedField): string {
  const origin = known === "read" ? "" : known === "derived" ? " (derived)" : " (not known)";
  return `${name} ${bytes === 8 || name === "page_type" ? hex(value) : String(value)}${origin}`;
}
