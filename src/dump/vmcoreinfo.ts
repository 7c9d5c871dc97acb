import { VmemmapError } from "../errors.js";

/** The kernel's own room for it is a page, two in some builds: more text is none of it. */
export const MAX_VMCOREINFO_BYTES = 2 ** 20;

/** `BUILD-ID`, `SYMBOL(mem_section)`, `OFFSET(page.flags)` */
const KEY = /^[A-Za-z0-9_-]+(\([^()=]+\))?$/;

interface Entry {
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

/**
 * What a kernel tells crash tools of itself (kernel/vmcore_info.c): lines of `KEY=value`, which this reads and checks. A key that is
 * not there is undefined; one whose value is of another kind than asked for is "bad-dump", with its line.
 */
export class Vmcoreinfo {
  readonly #entries = new Map<string, Entry>();

  /** @throws VmemmapError "bad-dump": a line that is no `KEY=value`; no lines, or too many */
  constructor(readonly text: string) {
    if (text.length > MAX_VMCOREINFO_BYTES) {
      throw refuse(`expected at most ${MAX_VMCOREINFO_BYTES} bytes, found ${text.length}`);
    }
    text
      .replace(/\0+$/, "")
      .split("\n")
      .forEach((line, i) => {
        if (line !== "") this.#add(line, i + 1);
      });
    if (this.#entries.size === 0) throw refuse("expected lines of KEY=value, found none");
  }

  #add(line: string, number: number): void {
    const at = line.indexOf("=");
    const key = line.slice(0, at);
    if (at < 0 || !KEY.test(key)) throw refuse(`line ${number}: expected KEY=value, found ${excerpt(line)}`);
    // Crash tools take the first of two.
    if (!this.#entries.has(key)) this.#entries.set(key, { value: line.slice(at + 1), line: number });
  }

  /** All keys, in the order of the note. */
  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** The text behind a key. */
  get(key: string): string | undefined {
    return this.#entries.get(key)?.value;
  }

  /** SYMBOL(name): a kernel address, KASLR included. Of an array-like symbol, the address of the array. */
  symbol(name: string): bigint | undefined {
    return this.#word(`SYMBOL(${name})`, /^(?:0x)?([0-9a-fA-F]{1,16})$/, "a kernel address in hex");
  }

  /** NUMBER(name) as it is, signed. */
  integer(name: string): bigint | undefined {
    const key = `NUMBER(${name})`;
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (/^-?\d{1,20}$|^0x[0-9a-fA-F]{1,16}$/.test(entry.value)) {
      const value = BigInt(entry.value);
      if (value >= -(1n << 63n) && value < 1n << 64n) return value;
    }
    throw wrong(key, entry, "a 64-bit number");
  }

  /** NUMBER(name). @throws VmemmapError "bad-dump": no number, or beyond 2^53 (see {@link integer}) */
  number(name: string): number | undefined {
    const value = this.integer(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    const key = `NUMBER(${name})`;
    if (!Number.isSafeInteger(number)) throw wrong(key, this.#entries.get(key)!, "a number below 2^53");
    return number;
  }

  /** OFFSET(name), as in "page.flags": bytes. */
  offset(name: string): number | undefined {
    return this.#size(`OFFSET(${name})`);
  }

  /** SIZE(name): bytes. */
  size(name: string): number | undefined {
    return this.#size(`SIZE(${name})`);
  }

  /** LENGTH(name): elements. */
  length(name: string): number | undefined {
    return this.#size(`LENGTH(${name})`);
  }

  /** "6.1.0-50-amd64" */
  get osrelease(): string | undefined {
    const entry = this.#entries.get("OSRELEASE");
    if (entry?.value.trim() === "") throw wrong("OSRELEASE", entry, "a kernel's release");
    return entry?.value;
  }

  /** The build ID of vmlinux, hex. */
  get buildId(): string | undefined {
    return this.get("BUILD-ID");
  }

  /** How far KASLR moved the kernel image. */
  get kernelOffset(): bigint | undefined {
    return this.#word("KERNELOFFSET", /^(?:0x)?([0-9a-fA-F]{1,16})$/, "a hex number");
  }

  get pageSize(): number | undefined {
    return this.#size("PAGESIZE");
  }

  #size(key: string): number | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const value = Number(entry.value);
    if (!/^\d{1,15}$/.test(entry.value)) throw wrong(key, entry, "a decimal number");
    return value;
  }

  #word(key: string, form: RegExp, expected: string): bigint | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const digits = form.exec(entry.value)?.[1];
    if (digits === undefined) throw wrong(key, entry, expected);
    return BigInt(`0x${digits}`);
  }
}

function wrong(key: string, { value, line }: Entry, expected: string): VmemmapError {
  return refuse(`line ${line}, ${key}: expected ${expected}, found ${excerpt(value)}`);
}

function refuse(message: string): VmemmapError {
  return new VmemmapError("bad-dump", `VMCOREINFO: ${message}`);
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
