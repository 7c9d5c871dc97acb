// Types, lint and format, side by side: node scripts/lint.mjs
import { spawn } from "node:child_process";

const checks = [
  ["eslint", ["."]],
  ["tsc", ["--noEmit"]],
  ["prettier", ["--check", "--log-level", "warn", "."]],
];

const codes = await Promise.all(
  checks.map(
    ([command, args]) =>
      new Promise((resolve) => {
        const check = spawn(command, args, { stdio: "inherit", shell: process.platform === "win32" });
        check.on("error", (error) => {
          console.error(`${command}: ${error.message}`);
          resolve(1);
        });
        check.on("exit", (code) => resolve(code ?? 1));
      }),
  ),
);
process.exitCode = Math.max(...codes);
