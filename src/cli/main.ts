#!/usr/bin/env node
import { Interrupted } from "./host.js";
import { Output } from "./output.js";
import { run } from "./run.js";

const stopping = new AbortController();
for (const [name, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(name, () => {
    // The first asks to stop and to clear up, the second does not wait for that.
    if (stopping.signal.aborted) process.exit(exitCode);
    stopping.abort(new Interrupted(exitCode));
  });
}

process.exitCode = await run(process.argv.slice(2), {
  stdout: new Output(process.stdout),
  stderr: new Output(process.stderr),
  signal: stopping.signal,
});
