import { VmemmapError } from "../errors.js";

/** What to say of the system's own error at writing; any other error as it is. */
export function unwritable(name: string, error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof VmemmapError || syscall === undefined) return error;
  if (code === "ENOSPC" || code === "EDQUOT")
    return new VmemmapError("no-space", `${name}: there is no room for it`, { cause: error });
  const reasons: Partial<Record<string, string>> = {
    ENOENT: "its folder does not exist",
    EISDIR: "it is a folder",
    EACCES: "you may not write it",
    EROFS: "you may not write it",
  };
  const reason = reasons[code ?? ""] ?? `it can't be written (${code})`;
  return new VmemmapError("bad-argument", `${name}: ${reason}`, { cause: error });
}
