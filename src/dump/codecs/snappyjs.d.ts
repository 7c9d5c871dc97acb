declare module "snappyjs" {
  export function uncompress(compressed: Uint8Array, maxLength?: number): Uint8Array;
  export function compress(uncompressed: Uint8Array): Uint8Array;
  const snappyjs: { readonly uncompress: typeof uncompress };
  export default snappyjs;
}
