/** A file that can be read at any place: a dump, a part of one, or what is unpacked of one. */
export interface RandomAccessFile {
  /** What messages call it. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /**
   * Fill `out` with the bytes from `offset` on. Small reads may be done at once, and then answer undefined.
   *
   * @throws VmemmapError "bad-dump": the file ends before; "unreadable": the host's own error
   */
  readInto(out: Uint8Array, offset: number): Promise<void> | undefined;
  close(): Promise<void>;
}
