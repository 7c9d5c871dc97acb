/** JSON as commands print it: a 64-bit word (bigint) is a string, `0x` and lower-case hex. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(
    value,
    (_key, part: unknown) => (typeof part === "bigint" ? `0x${part.toString(16)}` : part),
    indent,
  );
}
