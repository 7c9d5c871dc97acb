/** The commands, in the order of help. Each is loaded when it is called. */
import type { Command } from "./command.js";

export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  info: async () => (await import("./info.js")).info,
  census: async () => (await import("./census.js")).census,
  verify: async () => (await import("./verify.js")).verify,
  extract: async () => (await import("./extract.js")).extract,
  diff: async () => (await import("./diff.js")).diff,
  map: async () => (await import("./map.js")).map,
};
