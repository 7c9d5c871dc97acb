import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const MAX_UNPACKED = 2 ** 30;

/** One folder of a captured kernel: its files, unpacked as they are asked for. */
export class CaptureFolder {
  constructor(path) {
    this.path = path;
  }

  text(name) {
    return readFileSync(join(this.path, name), "utf8");
  }

  json(name) {
    return JSON.parse(this.text(name));
  }

  /** `KEY=value` lines as an object. */
  keyValues(name) {
    const lines = this.text(name)
      .split("\n")
      .filter((line) => line.includes("="));
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
  }

  /** A file packed by zstd with a 27-bit window. */
  zstd(name) {
    return execFileSync("zstd", ["-d", "-c", "-q", "--long=27", join(this.path, name)], { maxBuffer: MAX_UNPACKED });
  }

  /** The same as 64-bit words. */
  words(name) {
    const bytes = this.zstd(name);
    return new BigUint64Array(new Uint8Array(bytes).buffer);
  }
}
