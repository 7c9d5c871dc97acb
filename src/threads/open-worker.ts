/** Starting a worker, in Node and in browsers. */

/** What a worker runs. Both ways name it in full where it stands, for that is the one form that bundlers follow. */
export interface WorkerScript {
  readonly url: URL;
  /** Starts it in a browser. */
  readonly web: () => Worker;
}

const mapWorker: WorkerScript = {
  url: new URL("./worker.js", import.meta.url),
  web: () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
};

export interface WorkerHandle {
  readonly post: (message: unknown, transfer?: readonly ArrayBuffer[]) => void;
  /** Whether the worker keeps the process running. */
  readonly hold: (running: boolean) => void;
  readonly terminate: () => Promise<void>;
}

export interface WorkerEvents {
  readonly message: (message: unknown) => void;
  /** The worker died, or never lived. */
  readonly died: (reason: string) => void;
}

/** Where a bundler does not follow. */
const NODE_WORKERS = "node:worker_threads";

/** @param script a map's worker unless another is told */
export async function openWorker(events: WorkerEvents, script = mapWorker): Promise<WorkerHandle> {
  return typeof Worker === "function" ? webWorker(events, script) : nodeWorker(events, script);
}

function webWorker({ message, died }: WorkerEvents, { web }: WorkerScript): WorkerHandle {
  const worker = web();
  worker.onmessage = ({ data }) => message(data);
  worker.onerror = (event) => {
    // What is told here needs no report to the page as well.
    event.preventDefault();
    died(event.message || "it could not be started");
  };
  worker.onmessageerror = () => died("a message could not be read");
  return {
    post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    hold: () => {},
    terminate: () => {
      worker.terminate();
      return Promise.resolve();
    },
  };
}

async function nodeWorker({ message, died }: WorkerEvents, { url }: WorkerScript): Promise<WorkerHandle> {
  const node = (await import(/* @vite-ignore */ NODE_WORKERS)) as typeof import("node:worker_threads");
  // Without the flags of this process, which may be for its main script alone.
  const worker = new node.Worker(url, { execArgv: [] });
  worker.on("message", message);
  worker.on("error", (error) => died(error.message));
  worker.on("messageerror", (error) => died(error.message));
  worker.on("exit", (code) => died(`it ended with code ${code}`));
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    hold: (running) => {
      if (running) worker.ref();
      else worker.unref();
    },
    terminate: async () => {
      await worker.terminate();
    },
  };
}
