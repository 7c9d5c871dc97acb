/** Dumps whose file ends too early: what they lack explains missing pages, and why some can't be read at all. */
import { VmemmapError } from "../errors.js";
import type { Fact } from "./fact.js";
import type { Dump } from "./memory.js";

type Details = Dump["details"];

/** Facts of what a dump's container says is missing. */
export function lossFacts({ bytesLost, truncated, incomplete }: Details): Fact[] {
  const facts: Fact[] = [];
  if (typeof bytesLost === "number" && bytesLost > 0)
    facts.push({ name: "bytesLost", value: bytesLost, from: "headers of segments: the file ends before" });
  if (truncated === true) facts.push({ name: "truncated", value: true, from: "flattened form: no record ends it" });
  if (incomplete === true) facts.push({ name: "incomplete", value: true, from: "kdump header" });
  return facts;
}

/** A reader's error, which ends with what is missing of the dump where something is. */
export function withLoss(error: unknown, { bytesLost, truncated, incomplete }: Details): unknown {
  if (!(error instanceof VmemmapError) || error.code !== "bad-dump") return error;
  let loss: string;
  if (typeof bytesLost === "number" && bytesLost > 0)
    loss = `the file is cut short: it lacks ${bytesLost} bytes that its headers promise`;
  else if (truncated === true) loss = "the file is cut short: it lacks the record that ends the flattened form";
  else if (incomplete === true) loss = "the dump's header says that it is incomplete";
  else return error;
  return new VmemmapError(error.code, `${error.message}; ${loss}`, { cause: error });
}
