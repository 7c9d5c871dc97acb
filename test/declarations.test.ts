/** The published declarations stand on their own: strict, without the DOM's types, without skipLibCheck. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

it("index, threads and shards compile for a consumer with Node's types alone", () => {
  const options = "--noEmit --strict --module nodenext --target es2022 --lib es2022 --types node --ignoreConfig";
  const files = ["index.d.ts", "threads/index.d.ts", "shards/index.d.ts"].map((file) => `dist/src/${file}`);
  execFileSync(process.execPath, [`${root}/node_modules/typescript/bin/tsc`, ...options.split(" "), ...files], {
    cwd: root,
    stdio: "pipe",
  });
});
