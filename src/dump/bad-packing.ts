/** What a decoder of a stream says of its input, in a few words; who reads the file knows at which byte. */
export class BadPacking extends Error {
  constructor(
    message: string,
    /** Whether it is this decoder's limit and not damage. */
    readonly unsupported: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
