/** The examples of docs/cli.md print what they say. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { mapPath } from "./run.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const page = readFileSync(join(root, "docs/cli.md"), "utf8");
const examples = [...page.matchAll(/^```console\n\$ (.*)\n([^]*?)```$/gm)].map(([, line, says]) => ({ line, says }));

const folder = mkdtempSync(join(tmpdir(), "vmemmap-docs-"));
symlinkSync(mapPath("linux-7.3.4-hvo"), join(folder, "vmcore"));
afterAll(() => rmSync(folder, { recursive: true }));

it("there are examples", () => expect(examples.length).toBeGreaterThan(3));

it.each(examples)("$line", ({ line, says }) => {
  const script = `vmemmap() { "${process.execPath}" "${root}/dist/src/cli/main.js" "$@"; }\n{ ${line}\n} 2>&1`;
  expect(spawnSync("sh", ["-c", script], { cwd: folder, encoding: "utf8" }).stdout).toBe(says);
});
