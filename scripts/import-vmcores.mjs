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
import { BytesFile } from "../dist/src/dump/bytes-file.js";
import { openElf } from "../dist/src/dump/elf.js";
import { loadMap } from "../dist/src/dump/load-map.js";
import { encodeImage } from "../dist/src/image/image.js";
import { CaptureFolder } from "./import/files.mjs";
import { checkPgmaps, stalePgmaps } from "./import/pgmaps.mjs";
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

/** The capture's own array, which another tool read from the same dump: the map must be equal to it. */
function checkSlots(map, array) {
  const slots = map.slotBytes();
  map.sections.forEach(({ number }, i) => {
    const told = array.subarray(number * SECTION_BYTES, (number + 1) * SECTION_BYTES);
    if (!told.equals(slots.subarray(i * SECTION_BYTES, (i + 1) * SECTION_BYTES))) {
      throw new Error(`section ${number}: its slots differ from the capture's`);
    }
  });
}

async function readMap(folder, name) {
  const facts = folder.json("facts.json");
  const array = folder.zstd("vmemmap.bin.zst");
  const map = await loadMap(await openElf(new BytesFile(folder.zstd("vmcore-filtered.elf.zst"), name)));
  const { profile, vmemmapBase, sections, aliases, pgmaps, filtered } = map;
  if (vmemmapBase !== BigInt(facts.vmemmap_base)) throw new Error(`vmemmap base: expected ${facts.vmemmap_base}`);
  checkPresent(sections, folder.zstd("vmemmap.present.zst"));
  checkSlots(map, array);
  checkPgmaps(pgmaps, facts.pgmaps);
  const provenance = {
    ...map.provenance,
    name,
    package: facts.debian_package_version,
    cmdline: facts.cmdline,
    pagingLevels: facts.five_level_paging ? 5 : 4,
    preset: profile.preset,
    stalePgmaps: stalePgmaps(facts.pgmaps),
  };
  return { facts, array, header: { profile, vmemmapBase, sections, aliases, pgmaps, provenance, filtered } };
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
  const { facts, array, header } = await readMap(folder, name);
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
