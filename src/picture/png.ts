import { VmemmapError } from "../errors.js";
import type { Canvas } from "./canvas.js";

/** The bytes of a PNG file. @throws VmemmapError "unreadable": the optional package fast-png is not installed */
export async function encodePng({ width, height, data }: Canvas): Promise<Uint8Array> {
  const { encode } = await import("fast-png").catch((cause: unknown) => {
    throw new VmemmapError("unreadable", "a PNG needs the optional package fast-png: npm install fast-png", { cause });
  });
  return encode({ width, height, data, channels: 3, depth: 8 });
}
