import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The folder of package.json: the C sources and the maps stand below it, both in the package and in a checkout. */
export function packageRoot(): string {
  return dirname(createRequire(import.meta.url).resolve("vmemmap/package.json"));
}

export function packageVersion(): string {
  const manifest = readFileSync(join(packageRoot(), "package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
