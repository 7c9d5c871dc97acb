/**
 * Makes the shipped maps again from captured kernels:
 *
 *     npm run build && node scripts/import-vmcores.mjs FOLDER...
 *
 * A FOLDER is one capture, or holds several. Each gives maps/NAME.vmemmap (the map) and maps/NAME.truth (what drgn and
 * the kernel say of it). Needs the `zstd` command.
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeImage } from "../dist/src/image/image.js";
import { readAliases } from "./import/aliases.mjs";
import { ElfCore } from "./import/elf-core.mjs";
import { CaptureFolder } from "./import/files.mjs";
import { KernelMemory } from "./import/page-tables.mjs";
import { readPgmaps, stalePgmaps } from "./import/pgmaps.mjs";
import { profileOf } from "./import/profile.mjs";
import { readSections } from "./import/sections.mjs";
import { encodeTruth } from "./import/truth.mjs";

const MAPS = join(dirname(fileURLToPath(import.meta.url)), "..", "maps");
const SECTION_BYTES = 32768 * 64;
const VMEMMAP_PAGES_PER_SECTION = 512;

function capturesIn(path) {
  if (existsSync(join(path, "facts.json"))) return [path];
  return readdirSync(path)
    .map((name) => join(path, name))
    .filter((folder) => existsSync(join(folder, "facts.json")));
}

/** Where the array has slots and where a hole, by section: it must agree with the kernel's own section tables. */
function checkPresent(sections, present) {
  const told = new Set(sections.map(({ number }) => number));
  for (let page = 0; page < present.length; page++) {
    const number = Math.floor(page / VMEMMAP_PAGES_PER_SECTION);
    if ((present[page] === 1) !== told.has(number))
      throw new Error(`section ${number}: mem_section and the page tables differ`);
  }
}

function readMap(folder, name) {
  const facts = folder.json("facts.json");
  const vmcoreinfo = folder.keyValues("vmcoreinfo.txt");
  const vmemmapBase = BigInt(facts.vmemmap_base);
  const array = folder.zstd("vmemmap.bin.zst");
  const core = new ElfCore(folder.zstd("vmcore-filtered.elf.zst"));
  const levels = facts.five_level_paging ? 5 : 4;
  const memory = new KernelMemory(core, {
    root: Number(facts.init_top_pgt_phys),
    levels,
    smeMask: BigInt(vmcoreinfo["NUMBER(sme_mask)"] ?? 0),
  });

  const { preset, profile } = profileOf(vmcoreinfo, vmemmapBase);
  const sections = readSections(memory, vmcoreinfo, { pfnLimit: Number(facts.pfn_limit), vmemmapBase });
  checkPresent(sections, folder.zstd("vmemmap.present.zst"));
  const aliases = readAliases(sections, memory, core, { vmemmapBase, array, profile });
  const provenance = {
    name,
    kernel: facts.kernel_release,
    package: facts.debian_package_version,
    cmdline: facts.cmdline,
    pagingLevels: levels,
    preset,
    stalePgmaps: stalePgmaps(facts.pgmaps),
  };
  const header = {
    profile,
    vmemmapBase,
    sections,
    aliases,
    pgmaps: readPgmaps(memory, facts.pgmaps),
    provenance,
    filtered: [],
  };
  return { facts, array, header };
}

async function write(path, pieces) {
  const all = [];
  for await (const piece of pieces) all.push(piece);
  const bytes = Buffer.concat(all);
  writeFileSync(path, bytes);
  return bytes.length;
}

async function importCapture(path) {
  const name = basename(resolve(path));
  const folder = new CaptureFolder(path);
  const { facts, array, header } = readMap(folder, name);
  const slotsOf = ({ number }) => array.subarray(number * SECTION_BYTES, (number + 1) * SECTION_BYTES);
  const ranges = facts.valid_pfn_ranges.map((range) => range.map(Number));
  const truth = { name, ranges, vmemmapBase: header.vmemmapBase, tools: { drgn: facts.drgn.version } };

  const mapBytes = await write(join(MAPS, `${name}.vmemmap`), encodeImage(header, slotsOf));
  const truthBytes = await write(join(MAPS, `${name}.truth`), encodeTruth(folder, truth));
  const { sections, aliases, pgmaps } = header;
  console.log(
    `${name}: map ${mapBytes} bytes, truth ${truthBytes} bytes; preset ${header.provenance.preset}, ` +
      `${sections.length} sections, ${aliases.pfns.length} aliased vmemmap pages, ${pgmaps.length} pgmaps`,
  );
}

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error("usage: node scripts/import-vmcores.mjs FOLDER...");
  process.exit(2);
}
mkdirSync(MAPS, { recursive: true });
for (const path of paths.flatMap(capturesIn)) await importCapture(path);
