/** Streams that take no more. */
import { Writable } from "node:stream";
import { expect, it } from "vitest";
import { Output } from "../../../src/cli/output.js";
import { run } from "../../../src/cli/run.js";
import { mapPath, refusal } from "./run.js";

/** A stream whose every write ends in this error of the system. */
function failing(code: string): Output {
  const error = Object.assign(new Error(`${code}: write`), { code, syscall: "write" });
  return new Output(new Writable({ write: (_chunk, _encoding, done) => done(error) }));
}

async function runInto(stdout: Output): Promise<[code: number, stderr: string]> {
  let said = "";
  const stderr = new Output(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        said += chunk.toString();
        done();
      },
    }),
  );
  const { signal } = new AbortController();
  return [await run(["census", mapPath("linux-7.3.4-hvo")], { stdout, stderr, signal }), said];
}

it("says that a full disk under stdout has no room", async () => {
  expect(await runInto(failing("ENOSPC"))).toEqual([2, "vmemmap census: the output: there is no room for it\n"]);
});

it("ends quietly when the reader is gone", async () => {
  expect(await runInto(failing("EPIPE"))).toEqual([0, ""]);
});

it("takes no further part of the running kernel", async () => {
  expect(await refusal("extract", "live", "--range", "0:512", "-o", "x")).toBe(
    "vmemmap extract: --range: live is read as a whole: extract it, then take a part of that image",
  );
  expect(await refusal("census", "live", "--part", "x")).toBe("vmemmap census: --part: live is no dump that is split");
});
