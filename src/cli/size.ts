/** Numbers on the command line that may be sizes. */

const NUMBER = /^(\d+|0[xX][0-9a-fA-F]+)(?:([KMGTkmgt])(?:i?[Bb])?)?$/;
const SHIFTS: Readonly<Record<string, bigint>> = { K: 10n, M: 20n, G: 30n, T: 40n };

/** A whole number, decimal or 0x…, or a size such as 4G (K, M, G, T: powers of 1024), in bytes; undefined: neither. */
export function sizedNumber(text: string): { readonly value: bigint; readonly isSize: boolean } | undefined {
  const [, digits, letter] = NUMBER.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return {
    value: BigInt(digits) << (letter === undefined ? 0n : SHIFTS[letter.toUpperCase()]!),
    isSize: letter !== undefined,
  };
}
