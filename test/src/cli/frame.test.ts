/** The frame that all commands stand in: help, arguments, errors, exit codes. */
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { commands } from "../../../src/cli/commands.js";
import { Interrupted } from "../../../src/cli/host.js";
import { jsonText } from "../../../src/cli/json.js";
import { progressLine } from "../../../src/cli/progress.js";
import { mapPath, printed, refusal, runCli } from "./run.js";

const MAP = mapPath("linux-7.3.4-hvo");
const MAIN = fileURLToPath(new URL("../../../dist/src/cli/main.js", import.meta.url));
const names = Object.keys(commands);

describe("help", () => {
  it("lists every command", async () => {
    const help = await printed("--help");
    for (const name of [...names, "bench"]) expect(help).toMatch(new RegExp(`^  ${name} `, "m"));
    expect(await printed()).toBe(help);
    expect(await printed("help")).toBe(help);
  });

  it.each(names)("%s: help says the same in all three ways", async (name) => {
    const help = await printed(name, "--help");
    expect(help).toContain(`Usage: vmemmap ${name} `);
    expect(await printed(name, "-h")).toBe(help);
    expect(await printed("help", name)).toBe(help);
  });

  it.each(names)("%s: no line of help is wider than 140 characters", async (name) => {
    const wide = (await printed("help", name)).split("\n").filter((line) => line.length > 140);
    expect(wide).toEqual([]);
  });

  it("knows its version", async () => {
    expect(await printed("--version")).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("examples of help", async () => {
  const loaded = await Promise.all(Object.values(commands).map((load) => load()));
  const lines = loaded.flatMap(({ examples }) => examples.map(({ line }) => line));

  it.each(lines)("%s", (line) => {
    const folder = mkdtempSync(join(tmpdir(), "vmemmap-examples-"));
    try {
      copyFileSync(MAP, join(folder, "small.vmemmap"));
      for (const name of ["vmcore", "before.vmemmap", "after.vmemmap"]) symlinkSync(MAP, join(folder, name));
      // As a shell runs it.
      const script = `vmemmap() { "${process.execPath}" "${MAIN}" "$@"; }\n${line}`;
      const { status, stderr } = spawnSync("sh", ["-c", script], { cwd: folder, encoding: "utf8" });
      expect(status, stderr).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("bad use", () => {
  it("suggests the command that was meant", async () => {
    expect(await refusal("pagse", MAP)).toBe('vmemmap: no command "pagse"; did you mean pages?');
    expect(await refusal("fol", MAP)).toBe('vmemmap: no command "fol"; did you mean folios?');
  });

  it("names all commands where none is near", async () => {
    expect(await refusal("frobnicate")).toBe(
      `vmemmap: no command "frobnicate"; there is ${[...names, "bench"].join(", ")}`,
    );
  });

  it("says where a source belongs, and which options stand alone", async () => {
    const map = mapPath("linux-7.3.4-hvo");
    expect(await refusal(map)).toBe(`vmemmap: ${map} is a source, and stands behind a command: vmemmap info ${map}`);
    expect(await refusal("live")).toMatch(/^vmemmap: live is a source/);
    expect(await refusal("-v")).toBe('vmemmap: no option "-v"; there is --help, --version before a command');
  });

  it("does not take what every object has for a command", async () => {
    expect(await refusal("constructor")).toMatch(/^vmemmap: no command "constructor"; /);
    expect(await refusal("pages", MAP, "--toString")).toMatch(/^vmemmap pages: no option "--toString"/);
  });

  it("suggests the option that was meant", async () => {
    expect(await refusal("pages", MAP, "--colums", "pfn")).toBe(
      'vmemmap pages: no option "--colums"; did you mean --columns?',
    );
  });

  it("misses an operand, and refuses one too many", async () => {
    expect(await refusal("pages")).toBe("vmemmap pages: SOURCE is missing");
    expect(await refusal("page", MAP)).toBe("vmemmap page: WHERE is missing");
    expect(await refusal("pages", MAP, "more")).toBe('vmemmap pages: one argument too many: "more"');
  });

  it("misses an option's value, and refuses one that none has", async () => {
    expect(await refusal("pages", MAP, "--where")).toBe("vmemmap pages: --where: EXPR is missing");
    expect(await refusal("pages", MAP, "--where=")).toBe("vmemmap pages: --where: EXPR is missing");
    expect(await refusal("pages", MAP, "--json=yes")).toBe("vmemmap pages: --json takes no value");
    expect(await refusal("pages", MAP, "--limit", "1", "--limit", "2")).toBe("vmemmap pages: --limit is given twice");
  });

  it.each([
    ["extract", [], "an image is no text for a terminal: name a file with -o FILE"],
    ["map", [], "name a file for the picture with -o FILE"],
    ["folios", ["--format", "arrow"], "Arrow is no text for a terminal: name a file with -o FILE"],
  ])("%s %j writes no bytes to a terminal", async (command, options, message) => {
    const { code, stdout, stderr } = await runCli([command, MAP, ...options], undefined, undefined, true);
    expect([code, stdout.length, stderr]).toEqual([2, 0, expect.stringContaining(`vmemmap ${command}: ${message}\n`)]);
  });

  // No such dump: what is said of it would come from its opening.
  it.each([
    ["census", ["--range", "5"], '--range: "5": expected PFNs'],
    ["extract", ["--range", "8:4", "-o", "x"], '--range: "8:4": it ends before it starts'],
    ["map", ["--range", "4Q:", "-o", "x"], '--range: "4Q" is no whole number'],
    ["map", ["-o", "."], "--output: .: it is a folder"],
    ["extract", ["-o", "nowhere/x"], "--output: nowhere/x: its folder does not exist"],
    ["pages", ["-o", "nowhere/x"], "--output: nowhere/x: its folder does not exist"],
    ["folios", ["--columns", "pfn,oder"], 'no column "oder"; did you mean order?'],
  ])("%s %j is refused before the dump is opened", async (command, options, message) => {
    expect(await refusal(command, "no-such-dump", ...options)).toContain(`vmemmap ${command}: ${message}`);
  });

  it("says in JSON what is wrong, with its code", async () => {
    const { code, stdout, stderr } = await runCli(["pages", "/nonexistent", "--json"]);
    expect({ code, stdout: stdout.length }).toEqual({ code: 2, stdout: 0 });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "unreadable" } });
  });
});

describe("ends", () => {
  it("stops with the code of the signal that interrupts it", async () => {
    const stopping = new AbortController();
    stopping.abort(new Interrupted(130));
    expect((await runCli(["pages", MAP], stopping.signal)).code).toBe(130);
  });

  it("ends quietly when nobody reads any more", async () => {
    const child = spawn(process.execPath, [MAIN, "pages", MAP], { stdio: ["ignore", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.once("data", () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.once("exit", resolve));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("has exit code 2 and no data where the input is no dump", () => {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, "pages", MAIN], { encoding: "utf8" });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });

  it("stops at Ctrl-C while it writes, and removes what it wrote", async () => {
    const folder = mkdtempSync(join(tmpdir(), "vmemmap-stop-"));
    try {
      const file = join(folder, "pages.csv");
      const child = spawn(process.execPath, [MAIN, "pages", MAP, "-o", file, "--columns", "all"], { stdio: "ignore" });
      const written = (): readonly string[] => readdirSync(folder);
      while (written().length === 0 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 1));
      child.kill("SIGINT");
      const code = await new Promise((resolve) => child.once("exit", resolve));
      // It may have been faster than the signal.
      if (code !== 0) expect({ code, left: written() }).toEqual({ code: 130, left: [] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("what is printed", () => {
  it("JSON has 64-bit words as strings", () => {
    expect(jsonText({ word: 0xffffea0000000000n, none: null })).toBe('{"word":"0xffffea0000000000","none":null}');
  });

  it("progress tells part, rate and time left", () => {
    const step = { what: "reading", done: 512 * 2 ** 20, total: 2 ** 30 };
    expect(progressLine(step, 2)).toBe("reading 50 %, 256 MiB/s, 2 s left");
    expect(progressLine({ ...step, total: undefined }, 2)).toBe("reading, 256 MiB/s");
    expect(progressLine({ what: "writing", done: 3, total: 4, unit: "pages" }, 0)).toBe("writing 75 %");
    expect(progressLine({ what: "writing", done: 3e6, total: 9e9, unit: "pages" }, 1)).toBe(
      "writing 0 %, 3.0 million pages/s, 49 min 59 s left",
    );
  });
});
