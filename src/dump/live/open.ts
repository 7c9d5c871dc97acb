import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { VmemmapError } from "../../errors.js";
import type { Vmemmap } from "../../vmemmap.js";
import { checkFunction, checkKeys, checkSignal } from "../../check.js";
import type { OpenLiveOptions } from "../open-live.js";
import { openVmcore } from "../open-vmcore.js";
import { reconstructLive } from "./rebuild.js";

const OPTIONS = ["build", "headIndex", "signal", "onProgress", "onFallback", "proc", "sys"];

/** {@link import("../open-live.js").openLive} where there is Node. */
export async function openLive(options: OpenLiveOptions): Promise<Vmemmap> {
  checkKeys(options, OPTIONS, "openLive");
  checkSignal(options.signal);
  checkFunction(options.onProgress, "onProgress");
  checkFunction(options.onFallback, "onFallback");
  const { proc = "/proc", sys = "/sys", onFallback, ...rest } = options;
  const kcore = join(proc, "kcore");
  try {
    accessSync(kcore, constants.R_OK);
    const map = await openVmcore(kcore, rest);
    map.provenance = { ...map.provenance, format: "kcore" };
    return map;
  } catch (error) {
    rest.signal?.throwIfAborted();
    const { code, message } = error as NodeJS.ErrnoException;
    const absent = code === "ENOENT" ? `${kcore}: this kernel does not have it (CONFIG_PROC_KCORE)` : message;
    if (!(error instanceof VmemmapError) && code !== "ENOENT" && code !== "EACCES") throw error;
    onFallback?.(absent);
  }
  return reconstructLive({ ...rest, proc, sys });
}
