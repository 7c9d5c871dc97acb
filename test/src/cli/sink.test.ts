/** The file of -o. */
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Host } from "../../../src/cli/host.js";
import { writeTo } from "../../../src/cli/sink.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vmemmap-sink-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Nothing of it is used where a file is named. */
const host = {} as Host;

it("that stood there before is left as it was by a run that fails", async () => {
  const path = join(folder, "old");
  writeFileSync(path, "old");
  const failing = writeTo(path, [], host, async (sink) => {
    await sink.write("new");
    throw new Error("midway");
  });
  await expect(failing).rejects.toThrow("midway");
  expect(readFileSync(path, "utf8")).toBe("old");
  expect(readdirSync(folder)).toEqual(["old"]);
});

it("that was not there is not there after a run that fails", async () => {
  const failing = writeTo(join(folder, "new"), [], host, () => Promise.reject(new Error("at once")));
  await expect(failing).rejects.toThrow("at once");
  expect(readdirSync(folder)).toEqual([]);
});

it("keeps its mode, and a link to it stays one", async () => {
  const [path, link] = [join(folder, "file"), join(folder, "link")];
  writeFileSync(path, "old", { mode: 0o600 });
  symlinkSync(path, link);
  await writeTo(link, [], host, (sink) => sink.write("new"));
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
});

it.skipIf(process.platform !== "linux")("may be a device, which is not removed", async () => {
  await writeTo("/dev/null", [], host, (sink) => sink.write("x"));
  await expect(writeTo("/dev/full", [], host, (sink) => sink.write("x"))).rejects.toMatchObject({ code: "no-space" });
  expect(statSync("/dev/full").isCharacterDevice()).toBe(true);
});

it("is refused where it is a folder", async () => {
  await expect(writeTo(folder, [], host, () => Promise.resolve())).rejects.toThrow("it is a folder");
});
