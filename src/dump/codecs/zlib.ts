import { isNode } from "../../host.js";
import type { Codec } from "./codec.js";

/** Where a bundler does not follow. */
const NODE_ZLIB = "node:zlib";

/** Node's zlib; elsewhere inflate of our own, for streams of the host's would take a turn of its event loop for each page. */
export async function zlib(): Promise<Codec> {
  return isNode() ? nodeZlib() : (await import("./inflate.js")).inflate;
}

async function nodeZlib(): Promise<Codec> {
  const { inflateSync } = (await import(/* @vite-ignore */ NODE_ZLIB)) as typeof import("node:zlib");
  return (packed, out) => {
    let page: Uint8Array;
    try {
      // A chunk that holds the page and a little more is the only one that is made.
      page = inflateSync(packed, { maxOutputLength: out.length, chunkSize: out.length + 64 });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code === "ERR_BUFFER_TOO_LARGE" ? `more than ${out.length}` : `a damaged stream (${message})`;
    }
    if (page.length !== out.length) return `${page.length}`;
    out.set(page);
    return null;
  };
}
