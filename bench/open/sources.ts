import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../package.js";

/** Dumps of real machines, by their place in the folder of dumps: the largest, and one of each form. */
const REAL_DUMPS = [
  "linux-7.3.4-hvo-4gib/vmcore-filtered.elf.zst",
  "linux-7.3.4-hvo-kexec/vmcore.kdump-d31-zstd",
  "linux-6.12.107-hvo-la57/vmcore.qemu-kdump-zlib",
  "linux-7.3.4-hvo/vmcore-filtered.kdump-d31-zlib",
  "linux-7.3.4-hvo/vmcore-filtered.kdump-d31-zstd",
  "linux-7.3.4-hvo/vmcore-filtered.kdump-d31-lzo",
  "linux-7.3.4-hvo/vmcore-filtered.kdump-d31-zlib.flat",
];
const IMAGES = ["linux-6.1.176", "linux-6.18.15-hvo-la57", "linux-7.3.4-hvo"];

/** What is opened without a wish: real dumps, or without any the images of the package; and which of both it is. */
export function defaultSources(
  folder = process.env["VMEMMAP_VMCORES"] ?? join(packageRoot(), "..", "shared", "vmcores"),
): { readonly sources: readonly string[]; readonly origin: string } {
  const dumps = REAL_DUMPS.map((name) => join(folder, name)).filter((path) => existsSync(path));
  if (dumps.length > 0) return { sources: dumps, origin: `dumps of ${folder}` };
  const images = IMAGES.map((name) => join(packageRoot(), "maps", `${name}.vmemmap`));
  return { sources: images, origin: `images of the package: there are no dumps in ${folder}` };
}
