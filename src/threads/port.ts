/** Messages of a worker to who started it, in Node and in browsers. */

interface Port {
  /** The next message, or the first that has not been taken. */
  readonly next: () => Promise<unknown>;
  readonly post: (message: unknown, transfer?: readonly ArrayBuffer[]) => void;
}

interface Channel {
  readonly post: (message: unknown, transfer?: readonly ArrayBuffer[]) => void;
  readonly listen: (hear: (message: unknown) => void) => void;
}

/** Where a bundler does not follow. */
const NODE_WORKERS = "node:worker_threads";

async function channel(): Promise<Channel> {
  // Workers of browsers have it; Node's have a port instead.
  if (typeof globalThis.postMessage === "function") {
    return {
      post: (message, transfer = []) => globalThis.postMessage(message, { transfer: [...transfer] }),
      listen: (hear) => {
        globalThis.addEventListener("message", ({ data }) => hear(data));
      },
    };
  }
  const { parentPort } = (await import(/* @vite-ignore */ NODE_WORKERS)) as typeof import("node:worker_threads");
  if (parentPort === null) throw new Error("vmemmap/threads/worker.js is for worker threads");
  return {
    post: (message, transfer) => parentPort.postMessage(message, transfer),
    listen: (hear) => void parentPort.on("message", hear),
  };
}

export async function openPort(): Promise<Port> {
  const { post, listen } = await channel();
  const inbox: unknown[] = [];
  let taker: ((message: unknown) => void) | null = null;
  listen((message) => {
    if (taker === null) {
      inbox.push(message);
    } else {
      taker(message);
      taker = null;
    }
  });
  return {
    post,
    next: () =>
      inbox.length > 0
        ? Promise.resolve(inbox.shift())
        : new Promise((resolve) => {
            taker = resolve;
          }),
  };
}

/**
 * Run what a worker is for. A worker's module has no await of its own: bundlers make classic scripts of workers, which can't have
 * one. What the run throws ends the worker like an error of its module.
 */
export function runWorker(run: () => Promise<void>): void {
  run().catch((error: unknown) => {
    queueMicrotask(() => {
      throw error;
    });
  });
}
