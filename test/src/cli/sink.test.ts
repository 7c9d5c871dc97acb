/** Files that commands write: whole or as they were. */
import {
  chmodSync,
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
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { writeTo } from "../../../src/cli/sink.js";
import { mapPath, runCli } from "./run.js";

const folder = mkdtempSync(join(tmpdir(), "vmemmap-sink-"));
const file = join(folder, "rows.csv");
/** Not asked for: all goes to files here. */
const host = {} as Parameters<typeof writeTo>[2];

beforeEach(() => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
});
afterAll(() => rmSync(folder, { recursive: true }));

const written = () =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));

describe("the file of -o", () => {
  it("takes the place of one that was there, with its mode", async () => {
    writeFileSync(file, "before");
    chmodSync(file, 0o640);
    await writeTo(file, [], host, async (sink) => {
      await sink.write("after");
      expect(readFileSync(file, "utf8")).toBe("before");
    });
    expect(written()).toEqual({ "rows.csv": "after" });
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it("is what it was before after a run that failed, and nothing is left beside it", async () => {
    writeFileSync(file, "before");
    const failing = writeTo(file, [], host, async (sink) => {
      await sink.write("half of it");
      throw new Error("no more");
    });
    await expect(failing).rejects.toThrow("no more");
    expect(written()).toEqual({ "rows.csv": "before" });
  });

  it("does not come to be by a run that failed", async () => {
    await expect(writeTo(file, [], host, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(written()).toEqual({});
  });

  it("may be a link, which goes on leading where it led", async () => {
    const link = join(folder, "link");
    writeFileSync(file, "before");
    symlinkSync(file, link);
    await writeTo(link, [], host, (sink) => sink.write("after"));
    expect(readFileSync(file, "utf8")).toBe("after");
    expect(readdirSync(folder).sort()).toEqual(["link", "rows.csv"]);
  });

  it("may be a device, which is written as it is", async () => {
    const { code, stderr } = await runCli(["pages", mapPath("linux-7.3.4-hvo"), "-o", "/dev/full", "--limit", "2"]);
    expect([code, stderr]).toEqual([2, "vmemmap pages: --output: /dev/full: there is no room for it\n"]);
    await writeTo("/dev/null", [], host, (sink) => sink.write("gone"));
    expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
  });

  it("can't be a folder", async () => {
    const { code, stderr } = await runCli(["pages", mapPath("linux-7.3.4-hvo"), "-o", folder, "--limit", "2"]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^vmemmap pages: --output: .*: it is a folder\n/)]);
  });
});
