/** How far a long step is: one line on stderr that the next one replaces, and only on a terminal. */
import type { Host } from "./host.js";

/** How far a step is. */
export interface Step {
  /** What is being done: "reading vmcore". */
  readonly what: string;
  readonly done: number;
  /** Undefined where it is not known. */
  readonly total: number | undefined;
  /** What is counted. @default "bytes" */
  readonly unit?: string;
}

const MILLISECONDS_BETWEEN = 100;

export class Progress {
  readonly #host: Host;
  readonly #now: () => number;
  #what = "";
  #begun = 0;
  #shown = -Infinity;

  constructor(host: Host, now: () => number = () => performance.now()) {
    this.#host = host;
    this.#now = now;
  }

  /** Tell how far it is; cheap enough to be called often. */
  readonly update = (step: Step): void => {
    if (!this.#host.stderr.isTerminal) return;
    const now = this.#now();
    if (step.what !== this.#what) {
      this.#what = step.what;
      this.#begun = now;
    } else if (now - this.#shown < MILLISECONDS_BETWEEN) {
      return;
    }
    this.#shown = now;
    void this.#host.stderr.write(`\r\x1b[2K${progressLine(step, (now - this.#begun) / 1000)}`);
  };

  /** Take the line away again. */
  clear(): void {
    if (this.#shown === -Infinity) return;
    void this.#host.stderr.write("\r\x1b[2K");
    this.#shown = -Infinity;
    this.#what = "";
  }
}

/** The line that a step shows after so many seconds. */
export function progressLine({ what, done, total, unit = "bytes" }: Step, seconds: number): string {
  const rate = seconds > 0 ? done / seconds : 0;
  const parts = [total === undefined || total === 0 ? what : `${what} ${Math.floor((100 * done) / total)} %`];
  if (rate > 0) {
    parts.push(`${amount(rate, unit)}/s`);
    if (total !== undefined) parts.push(`${duration(Math.max(0, total - done) / rate)} left`);
  }
  return parts.join(", ");
}

function amount(count: number, unit: string): string {
  const binary = unit === "bytes";
  const step = binary ? 1024 : 1000;
  const names = binary ? ["bytes", "KiB", "MiB", "GiB", "TiB"] : [unit, `thousand ${unit}`, `million ${unit}`];
  let power = 0;
  while (count >= step && power < names.length - 1) {
    count /= step;
    power++;
  }
  return `${count < 10 && power > 0 ? count.toFixed(1) : Math.round(count)} ${names[power]}`;
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
